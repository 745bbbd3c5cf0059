//! Who a token is of: asked of the API server, and read as one data plane, or as another controller.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use gatewright_core::world::{DataPlane, ObjectKey};
use gatewright_xds::{Authentication, Authenticator, Denial, Peer};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::{Api, Client, api::PostParams};

/// What a token must have been issued for.
pub(crate) const AUDIENCE: &str = "gatewright-xds";

/// Which data plane each ServiceAccount stands for. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<RwLock<BTreeMap<ObjectKey, DataPlane>>>);

impl Accounts {
    /// Takes the accounts that stand for data planes now. Those that are `held` as they are may keep the account that they
    /// had: parameters that are wrong do not say which it is.
    pub(crate) fn replace(&self, mut accounts: BTreeMap<ObjectKey, DataPlane>, held: &BTreeSet<&DataPlane>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (account, data_plane) in std::mem::take(&mut *known) {
            if held.contains(&data_plane) {
                accounts.entry(account).or_insert(data_plane);
            }
        }
        *known = accounts;
    }

    fn find(&self, account: &ObjectKey) -> Option<DataPlane> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}

/// Asks the API server.
pub(crate) struct Reviewer {
    pub(crate) client: Client,
    pub(crate) accounts: Accounts,
    /// The controllers' own ServiceAccount.
    pub(crate) own: ObjectKey,
}

impl Authenticator for Reviewer {
    fn authenticate<'a>(&'a self, token: &'a str) -> Authentication<'a> {
        Box::pin(self.review(token))
    }
}

impl Reviewer {
    async fn review(&self, token: &str) -> Result<Peer, Denial> {
        let asked = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), audiences: Some(vec![AUDIENCE.to_owned()]) },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &asked).await;
        let status =
            answer.map_err(|error| Denial::Unavailable(format!("the token cannot be checked now: {error}")))?;
        let status = status.status.unwrap_or_default();
        let is_for_us = status.audiences.iter().flatten().any(|audience| audience == AUDIENCE);
        if status.authenticated != Some(true) || !is_for_us {
            return Err(Denial::Unauthenticated(format!("this is no valid token for audience {AUDIENCE:?}")));
        }
        let name = status.user.and_then(|user| user.username).unwrap_or_default();
        let account = account(&name).ok_or_else(|| Denial::Forbidden(format!("{name:?} is no ServiceAccount")))?;
        if account == self.own {
            return Ok(Peer::Controller);
        }
        match self.accounts.find(&account) {
            Some(data_plane) => Ok(Peer::Proxy { plane: data_plane.to_string() }),
            None => Err(Denial::Forbidden(format!("ServiceAccount {account} stands for no data plane"))),
        }
    }
}

/// Reads `system:serviceaccount:NAMESPACE:NAME`.
fn account(name: &str) -> Option<ObjectKey> {
    let (namespace, name) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(ObjectKey::new(namespace, name))
}

#[cfg(test)]
mod tests;

//! `gatewright controller`: serves a cluster's Gateways.

use std::process::ExitCode;

use anyhow::Context;
use gatewright_controller::Settings;
use kube::Client;

use super::run::{LogFormat, log};
use crate::inspect::INSPECT;

/// Serve the Gateways of a Kubernetes cluster
///
/// Watches the objects of the Gateway API, writes their status, provisions data planes and sends them their Plans. Finds
/// the API server as kubectl does, or by the Pod's ServiceAccount.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of a controller whose GatewayClasses are served; may be given several times
    #[arg(long = "controller-name", value_name = "NAME", default_value = "gatewright.dev/gateway-controller")]
    controller_names: Vec<String>,

    /// What standard error says: error, warn, info, debug, trace, or a filter such as gatewright_controller=debug
    #[arg(long, value_name = "FILTER", default_value = "info", env = "GATEWRIGHT_LOG")]
    log_level: String,

    /// How standard error says it
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    log(&args.log_level, args.log_format)?;
    // More than one provider is linked in nowhere; the client asks for the process's.
    let _ = rustls::crypto::CryptoProvider::install_default(rustls::crypto::aws_lc_rs::default_provider());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::try_default().await.context("cannot find the API server")?;
        gatewright_controller::run(client, Settings { controller_names: args.controller_names, inspect: INSPECT })
            .await;
        Ok(ExitCode::SUCCESS)
    })
}

//! The filters of HTTPRoute and GRPCRoute, in one shape.

use crate::api::{
    grpc_route::{GrpcFilterType, GrpcRouteFilter},
    http_route::{
        CorsFilter, HttpFilterType, HttpHeaderFilter, HttpRouteFilter, RequestMirrorFilter, RequestRedirectFilter,
        UrlRewriteFilter,
    },
    shared::{HttpExternalAuthFilter, LocalObjectReference},
};

/// A filter as it is written. `None` is a filter that lacks the field its type needs.
#[derive(Clone, Copy, Debug)]
pub(super) enum FilterSpec<'a> {
    RequestHeader(Option<&'a HttpHeaderFilter>),
    ResponseHeader(Option<&'a HttpHeaderFilter>),
    Redirect(Option<&'a RequestRedirectFilter>),
    Rewrite(Option<&'a UrlRewriteFilter>),
    Mirror(Option<&'a RequestMirrorFilter>),
    Cors(Option<&'a CorsFilter>),
    ExternalAuth(Option<&'a HttpExternalAuthFilter>),
    Extension(Option<&'a LocalObjectReference>),
    Unknown(&'a str),
}

impl FilterSpec<'_> {
    /// The field that holds the filter's own settings.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::RequestHeader(_) => "requestHeaderModifier",
            Self::ResponseHeader(_) => "responseHeaderModifier",
            Self::Redirect(_) => "requestRedirect",
            Self::Rewrite(_) => "urlRewrite",
            Self::Mirror(_) => "requestMirror",
            Self::Cors(_) => "cors",
            Self::ExternalAuth(_) => "externalAuth",
            Self::Extension(_) => "extensionRef",
            Self::Unknown(_) => "type",
        }
    }

    /// Whether a rule may have several.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Mirror(_) | Self::Extension(_) | Self::ExternalAuth(_) | Self::Unknown(_) => true,
            Self::RequestHeader(_) | Self::ResponseHeader(_) | Self::Redirect(_) | Self::Rewrite(_) | Self::Cors(_) => {
                false
            }
        }
    }
}

impl<'a> From<&'a HttpRouteFilter> for FilterSpec<'a> {
    fn from(filter: &'a HttpRouteFilter) -> Self {
        match &filter.r#type {
            HttpFilterType::RequestHeaderModifier => Self::RequestHeader(filter.request_header_modifier.as_ref()),
            HttpFilterType::ResponseHeaderModifier => Self::ResponseHeader(filter.response_header_modifier.as_ref()),
            HttpFilterType::RequestRedirect => Self::Redirect(filter.request_redirect.as_ref()),
            HttpFilterType::UrlRewrite => Self::Rewrite(filter.url_rewrite.as_ref()),
            HttpFilterType::RequestMirror => Self::Mirror(filter.request_mirror.as_ref()),
            HttpFilterType::Cors => Self::Cors(filter.cors.as_ref()),
            HttpFilterType::ExternalAuth => Self::ExternalAuth(filter.external_auth.as_ref()),
            HttpFilterType::ExtensionRef => Self::Extension(filter.extension_ref.as_ref()),
            HttpFilterType::Unknown(text) => Self::Unknown(text),
        }
    }
}

impl<'a> From<&'a GrpcRouteFilter> for FilterSpec<'a> {
    fn from(filter: &'a GrpcRouteFilter) -> Self {
        match &filter.r#type {
            GrpcFilterType::RequestHeaderModifier => Self::RequestHeader(filter.request_header_modifier.as_ref()),
            GrpcFilterType::ResponseHeaderModifier => Self::ResponseHeader(filter.response_header_modifier.as_ref()),
            GrpcFilterType::RequestMirror => Self::Mirror(filter.request_mirror.as_ref()),
            GrpcFilterType::ExtensionRef => Self::Extension(filter.extension_ref.as_ref()),
            GrpcFilterType::Unknown(text) => Self::Unknown(text),
        }
    }
}

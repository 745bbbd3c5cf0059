//! What an HTTPRoute's rule may ask of a request.

use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteMatch {
    pub path: HttpPathMatch,
    pub headers: Vec<HttpHeaderMatch>,
    pub query_params: Vec<HttpQueryParamMatch>,
    pub method: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpPathMatch {
    pub r#type: PathMatchType,
    pub value: String,
}

impl Default for HttpPathMatch {
    fn default() -> Self {
        Self { r#type: PathMatchType::PathPrefix, value: "/".into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum PathMatchType {
    Exact,
    PathPrefix,
    RegularExpression,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HttpHeaderMatch {
    #[serde(default)]
    pub r#type: HeaderMatchType,
    pub name: String,
    pub value: String,
}

/// Of a header, in HTTPRoute and GRPCRoute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum HeaderMatchType {
    #[default]
    Exact,
    RegularExpression,
    #[serde(untagged)]
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HttpQueryParamMatch {
    #[serde(default)]
    pub r#type: QueryParamMatchType,
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum QueryParamMatchType {
    #[default]
    Exact,
    RegularExpression,
    #[serde(untagged)]
    Unknown(String),
}

mod crd;
mod pattern;
mod yaml;

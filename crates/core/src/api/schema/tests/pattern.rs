use crate::api::schema::pattern::ALL;

#[test]
fn every_expression_compiles() {
    for pattern in ALL {
        pattern.is_in("");
    }
}

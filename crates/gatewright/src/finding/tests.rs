use super::Finding;

#[test]
fn findings_of_one_place_are_in_the_order_of_their_indices() {
    let fields = ["spec.rules", "spec.rules[2]", "spec.rules[2].filters[0]", "spec.rules[10].filters[0]", "status"];
    let finding = |field: &&str| Finding { field: (*field).to_owned(), ..Finding::default() };
    let mut findings: Vec<_> = fields.iter().rev().map(finding).collect();
    findings.sort();
    assert_eq!(findings.iter().map(|finding| &*finding.field).collect::<Vec<_>>(), fields);
}

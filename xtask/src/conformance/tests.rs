use super::report::{is_verdict, summarize};

const REPORT: &str = "
profiles:
- name: GATEWAY-HTTP
  core:
    result: success
    statistics: {Failed: 0, Passed: 40, Skipped: 0}
  extended:
    result: success
    statistics: {Failed: 0, Passed: 64, Skipped: 0}
    supportedFeatures: [HTTPRouteCORS]
";

#[test]
fn a_report_is_complete_when_nothing_failed_and_nothing_was_skipped() {
    assert!(summarize(REPORT).unwrap());
    let skipped = REPORT.replace("    supportedFeatures", "    skippedTests: [HTTPRouteCORS]\n    supportedFeatures");
    assert!(!summarize(&skipped).unwrap());
    let failed = REPORT.replace("    supportedFeatures", "    failedTests: [HTTPRouteCORS]\n    supportedFeatures");
    assert!(!summarize(&failed).unwrap());
}

#[test]
fn a_report_of_nothing_is_refused() {
    assert!(summarize("profiles: []").is_err());
    assert!(summarize("{}").is_err());
}

#[test]
fn verdicts_are_those_of_whole_tests() {
    assert!(is_verdict("    --- PASS: TestConformance/HTTPRouteCORS (3.10s)"));
    assert!(is_verdict("--- FAIL: TestConformance (300.00s)"));
    assert!(!is_verdict("    --- SKIP: TestConformance/UDPRoute (0.00s)"));
    assert!(!is_verdict("        --- PASS: TestConformance/HTTPRouteCORS/preflight (3.10s)"));
    assert!(!is_verdict("    conformance.go:12: --- PASS"));
}

//! What the suite reports: read, summed up, and judged more strictly than the suite does.

use anyhow::{Context, Result, ensure};
use saphyr::{LoadableYamlNode, Yaml};

/// Whom the report is of; the collection of reports asks for absolute addresses.
pub(super) const IMPLEMENTATION: [&str; 4] = [
    "--organization=gatewright",
    "--project=gatewright",
    "--url=https://gatewright.dev",
    "--contact=https://gatewright.dev/contact",
];

/// Prints a line for each half of each profile, and returns whether every test passed and none was skipped.
pub(super) fn summarize(report: &str) -> Result<bool> {
    let documents = Yaml::load_from_str(report).context("the report is no YAML")?;
    let report = documents.first().context("the report is empty")?;
    let profiles = report.as_mapping_get("profiles").and_then(Yaml::as_vec).context("the report has no profiles")?;
    ensure!(!profiles.is_empty(), "the report has no profiles");
    let mut complete = true;
    for profile in profiles {
        let name = profile.as_mapping_get("name").and_then(Yaml::as_str).context("a profile has no name")?;
        for half in ["core", "extended"] {
            let Some(result) = profile.as_mapping_get(half) else { continue };
            let failed = names(result, "failedTests");
            let skipped = names(result, "skippedTests");
            let statistics = result.as_mapping_get("statistics");
            let passed = statistics.and_then(|counts| counts.as_mapping_get("Passed")?.as_integer()).unwrap_or(0);
            println!("{name} {half}: {passed} passed, {} failed, {} skipped", failed.len(), skipped.len());
            for name in &failed {
                println!("  failed: {name}");
            }
            for name in &skipped {
                println!("  skipped: {name}");
            }
            let unclaimed = names(result, "unsupportedFeatures");
            if !unclaimed.is_empty() {
                println!("  not claimed: {}", unclaimed.join(", "));
            }
            complete &= failed.is_empty() && skipped.is_empty();
        }
    }
    Ok(complete)
}

fn names<'a>(result: &'a Yaml<'_>, list: &str) -> Vec<&'a str> {
    let list = result.as_mapping_get(list).and_then(Yaml::as_vec);
    list.map(|list| list.iter().filter_map(Yaml::as_str).collect()).unwrap_or_default()
}

/// Whether a line of `go test -v` is what became of a test of the suite, and not of a part of one. The many that no profile
/// asked for are skipped without a word; whether others were is read in the report.
pub(super) fn is_verdict(line: &str) -> bool {
    let Some(verdict) = line.strip_prefix("    --- ") else { return line.starts_with("--- ") };
    ["PASS", "FAIL"].iter().any(|word| verdict.starts_with(word))
}

//! The known name that a misspelt one was probably meant to be.

/// Edits beyond which a name is another name, whatever its length.
const EDITS_MAX: usize = 3;

/// Returns the candidate with the fewest edits from `name`, if a third of its letters or fewer differ. Upper and lower
/// case count as the same.
pub(super) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = lower(name);
    let scored = candidates.into_iter().filter_map(|candidate| {
        let other = lower(candidate);
        let longest = letters.len().max(other.len());
        let edits_max = (longest / 3).clamp(1, EDITS_MAX);
        // Names of very different lengths are not compared: an unknown name may be of any length.
        if letters.len().abs_diff(other.len()) > edits_max {
            return None;
        }
        let edits = edits(&letters, &other);
        (edits <= edits_max && edits < longest).then_some((edits, candidate))
    });
    scored.min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

fn lower(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Counts the insertions, deletions, replacements and swaps of neighbours between two names (optimal string alignment).
fn edits(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[to.len()]
}

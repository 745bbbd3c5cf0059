//! Where two lists differ, when one edit lies between them.

/// What is between the common beginning and the common end of two lists: after one edit in thousands, next to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differing<'a, T> {
    pub before: &'a [T],
    pub now: &'a [T],
    /// The common beginning and the common end.
    pub common: [&'a [T]; 2],
}

impl<'a, T: PartialEq> Differing<'a, T> {
    /// Compares two lists, from both ends.
    pub fn of(before: &'a [T], now: &'a [T]) -> Self {
        let start = before.iter().zip(now).take_while(|(before, now)| before == now).count();
        let (start, before, now) = (&now[..start], &before[start..], &now[start..]);
        let end = before.iter().rev().zip(now.iter().rev()).take_while(|(before, now)| before == now).count();
        let (now, end) = now.split_at(now.len() - end);
        Self { before: &before[..before.len() - end.len()], now, common: [start, end] }
    }
}

#[cfg(test)]
mod tests {
    use super::Differing;

    #[test]
    fn cuts_off_what_is_common() {
        let differing = |before: &str, now: &str| {
            let Differing { before, now, common: [start, end] } = Differing::of(before.as_bytes(), now.as_bytes());
            [start, before, now, end].map(|part| String::from_utf8_lossy(part).into_owned())
        };
        assert_eq!(differing("abcd", "abxcd"), ["ab", "", "x", "cd"]);
        assert_eq!(differing("abxcd", "abcd"), ["ab", "x", "", "cd"]);
        assert_eq!(differing("abcd", "axyd"), ["a", "bc", "xy", "d"]);
        assert_eq!(differing("aaa", "aa"), ["aa", "a", "", ""]);
        assert_eq!(differing("aa", "aaa"), ["aa", "", "a", ""]);
        assert_eq!(differing("", "ab"), ["", "", "ab", ""]);
        assert_eq!(differing("ab", "ab"), ["ab", "", "", ""]);
    }
}

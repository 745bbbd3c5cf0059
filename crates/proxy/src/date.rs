//! The time of day as responses tell it (RFC 9110 §5.6.7, §6.6.1): written once a second, copied by every request.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of an IMF-fixdate.
const BYTES: usize = 29;
const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The date of the present second, of one worker.
#[derive(Debug)]
pub(crate) struct Date {
    /// Since 1970, that `text` says.
    second: Cell<u64>,
    text: Cell<[u8; BYTES]>,
}

impl Default for Date {
    fn default() -> Self {
        Self { second: Cell::new(0), text: Cell::new(format(0)) }
    }
}

impl Date {
    /// Returns the present time as a value of the field Date.
    pub(crate) fn now(&self) -> [u8; BYTES] {
        // A clock before 1970 is none that could be told.
        self.at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    fn at(&self, second: u64) -> [u8; BYTES] {
        if self.second.replace(second) != second {
            self.text.set(format(second));
        }
        self.text.get()
    }
}

/// Writes `Sun, 06 Nov 1994 08:49:37 GMT`.
fn format(second: u64) -> [u8; BYTES] {
    let (days, time) = (second / 86_400, second % 86_400);
    let (year, month, day) = civil_date(days);
    let mut text = *b"DDD, dd MMM yyyy hh:mm:ss GMT";
    text[..3].copy_from_slice(DAYS[(days % 7) as usize]);
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    for (at, number) in
        [(5, day), (12, year / 100), (14, year), (17, time / 3_600), (20, time / 60 % 60), (23, time % 60)]
    {
        text[at] = b'0' + (number / 10 % 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    }
    text
}

/// Returns year, month and day of a day counted from 1970-01-01, by the Gregorian calendar: 400 years are 146,097 days,
/// and a year that begins in March has its leap day at the end.
pub(crate) fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_its_date_in_the_fixed_form() {
        let date = Date::default();
        // `date -u -d @SECONDS '+%a, %d %b %Y %T GMT'` says the same of each.
        for (second, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_798_761_600, "Fri, 01 Jan 2027 00:00:00 GMT"),
        ] {
            assert_eq!(String::from_utf8_lossy(&date.at(second)), text);
        }
    }
}

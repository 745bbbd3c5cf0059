//! Header or trailer fields, flat: one run of bytes and an index into it.

/// Fields in the order they came. Names keep their case and compare without it. Nothing is allocated while the two
/// vectors have room, so a reused value costs copying alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// Of the name in `bytes`; the value follows it.
    start: u32,
    name_len: u16,
    value_len: u32,
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Appends a field. The caller has checked the name (a token, at most 64 KiB) and the value (no CR, LF or NUL).
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.lines.push(Line {
            start: self.bytes.len() as u32,
            name_len: name.len() as u16,
            value_len: value.len() as u32,
        });
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.lines.iter().map(|line| self.line(*line))
    }

    /// Returns the first value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns the values of `name` in order.
    pub(crate) fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Replaces every value of `name` by one, at the end.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.push(name.as_bytes(), value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.retain(|have, _| !have.eq_ignore_ascii_case(name.as_bytes()));
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.lines.retain(|line| {
            let (name, value) = split(bytes, *line);
            keep(name, value)
        });
    }

    fn line(&self, line: Line) -> (&[u8], &[u8]) {
        split(&self.bytes, line)
    }
}

fn split(bytes: &[u8], line: Line) -> (&[u8], &[u8]) {
    let start = line.start as usize;
    let value = start + line.name_len as usize;
    (&bytes[start..value], &bytes[value..value + line.value_len as usize])
}

impl gatewright_core::filter::header::Headers for Fields {
    fn set(&mut self, name: &str, value: &[u8]) {
        Fields::set(self, name, value);
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        self.push(name.as_bytes(), value);
    }

    fn remove(&mut self, name: &str) {
        Fields::remove(self, name);
    }
}

#[cfg(test)]
mod tests;

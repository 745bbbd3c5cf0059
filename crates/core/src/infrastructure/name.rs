//! Names of a data plane's objects.
//!
//! A name follows from the Gateway and its class alone, and no two data planes of a namespace have the same: a proxy is
//! known by it.

use crate::world::DataPlane;

/// What a label's value and the name of a Service may have.
const LENGTH_MAX: usize = 63;

/// Hexadecimal digits of a hash in a name.
const HASH_LENGTH: usize = 10;

/// Names the objects of a data plane: `gateway-class` (GEP-1762), or `class-hash` where Gateways share it.
///
/// Names that say this shortened, or that could be said of two Gateways, end in a hash of the whole.
pub(super) fn of(data_plane: &DataPlane, class: &str) -> String {
    match data_plane {
        DataPlane::Gateway(gateway) => {
            let plain = format!("{}-{class}", gateway.name);
            // Gateway `a-b` of class `c` and Gateway `a` of class `b-c` would both be `a-b-c`.
            match class.contains('-') || !is_label(&plain) {
                true => shortened(&plain, &format!("{}/{class}", gateway.name)),
                false => plain,
            }
        }
        DataPlane::Class(name) => shortened(name, &format!("class/{name}/")),
        DataPlane::Merged => "merged".to_owned(),
    }
}

/// Returns the value that stands for a name in a label: itself, or shortened with a hash when it is too long.
pub fn label_value(name: &str) -> String {
    if name.len() <= LENGTH_MAX { name.to_owned() } else { cut(name, &hash(name)) }
}

/// What RFC 1035 calls a label: Services have such names.
fn is_label(name: &str) -> bool {
    name.len() <= LENGTH_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn shortened(plain: &str, whole: &str) -> String {
    let mut label = plain.replace('.', "-");
    if !label.starts_with(|first: char| first.is_ascii_lowercase()) {
        label.insert_str(0, "gw-");
    }
    cut(&label, &hash(whole))
}

/// `name-hash`, with as much of the name as there is room for. Names of objects are ASCII.
fn cut(name: &str, hash: &str) -> String {
    let room = LENGTH_MAX - HASH_LENGTH - 1;
    let kept: String = name.chars().filter(char::is_ascii).take(room).collect();
    format!("{}-{hash}", kept.trim_end_matches(['-', '.']))
}

/// FNV-1a: the same on every machine and in every release, since names must not change under what runs.
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step));
    hash.drain(..16 - HASH_LENGTH);
    hash
}

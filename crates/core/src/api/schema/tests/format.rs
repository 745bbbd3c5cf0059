use crate::api::schema::format::{duration_ms, is_ip, is_qualified_name};

#[test]
fn durations_are_those_of_gep_2257() {
    for (text, milliseconds) in
        [("0s", 0), ("1h", 3_600_000), ("1h1m1s1ms", 3_661_001), ("1s1s", 2_000), ("99999h", 359_996_400_000)]
    {
        assert_eq!(duration_ms(text), Some(milliseconds), "{text}");
    }
    for text in ["", "1", "s", "1.5s", "-1s", "1us", "100000s", "1h1m1s1ms1ms", "1s ", "1d"] {
        assert_eq!(duration_ms(text), None, "{text}");
    }
}

#[test]
fn addresses_in_names_are_found() {
    for text in ["10.0.0.1", "::1", "2001:db8::1"] {
        assert!(is_ip(text), "{text}");
    }
    for text in ["10.0.0", "010.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "a.example.com"] {
        assert!(!is_ip(text), "{text}");
    }
}

#[test]
fn qualified_names_have_a_short_name_and_perhaps_a_domain() {
    let name = "a".repeat(63);
    let domain = ["a".repeat(63).as_str(); 4].join(".")[..253].to_owned();
    for key in ["a", "A_b.c-1", "example.com/a", &name, &format!("{domain}/{name}")] {
        assert!(is_qualified_name(key), "{key}");
    }
    for key in ["", "/a", "a/", "a/b/c", "-a", "a-", "Example.com/a", &format!("{name}a"), &format!("{domain}a/a")] {
        assert!(!is_qualified_name(key), "{key}");
    }
}

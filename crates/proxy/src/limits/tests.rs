use super::*;

#[test]
fn connections_leave_descriptors_for_backends() {
    let max = |limits: &str| Limits::default().within_descriptors(limits).connections_max;
    let mirrors = |limits: &str| Limits::default().within_descriptors(limits).mirrors_max;
    let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max processes             100                  100                  processes \n\
                 Max open files            1024                 524288               files     \n";
    assert_eq!((max(table), mirrors(table)), (714, 102));
    assert_eq!(max(&table.replace("1024 ", "200000 ")), 50_000, "the limit itself");
    assert_eq!(mirrors(&table.replace("1024 ", "200000 ")), 1024, "the limit itself");
    assert_eq!(max(&table.replace("1024 ", "unlimited ")), 50_000);
    assert_eq!(max(""), 50_000);
    assert_eq!(max(&table.replace("1024 ", "3 ")), 1);
}

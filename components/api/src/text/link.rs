/// Where a link may lead to.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "ftp"];

/// An address without what browsers overlook in it, if it leads to somewhere harmless: to a page, a mail, a telephone, or
/// elsewhere within the platform.
pub(super) fn safe(address: &str) -> Option<String> {
    let address: String = address.chars().filter(|c| !c.is_control()).collect();
    let address = address.trim();
    let scheme = address.split(['/', '?', '#']).next().unwrap_or_default().split_once(':');
    let harmless =
        scheme.is_none_or(|(scheme, _)| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    (harmless && !address.is_empty()).then(|| address.to_owned())
}

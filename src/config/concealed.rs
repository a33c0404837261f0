//! What of a component's value must not be shown: secrets that are no value of their own, but a part of a URL.

use super::keys::sounds_secret;

/// A part of a URL with so many characters that no person chose them is a secret.
const RANDOM: usize = 16;

/// Short words are names, whatever they consist of: `v2`, `eu1`.
const WORD: usize = 4;

/// The secrets in a value of a key that is called `key`.
pub(super) fn parts<'a>(key: &str, text: &'a str) -> Vec<&'a str> {
    let hook = is_hook(key);
    if hook && !text.contains("://") && is_random(text) {
        return vec![text];
    }
    urls(text).flat_map(|url| in_url(url, hook)).collect()
}

/// The same without those that only look like it: what may not stand on a command line.
pub(super) fn certain<'a>(key: &str, text: &'a str) -> Vec<&'a str> {
    let hook = is_hook(key);
    urls(text).flat_map(|url| named(url, hook)).collect()
}

/// Who knows the address of a webhook can use it.
fn is_hook(key: &str) -> bool {
    key.to_lowercase().contains("hook")
}

/// Each URL in a text, which may list several.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | '<' | '>'));
    words.filter(|word| word.contains("://"))
}

fn in_url(url: &str, hook: bool) -> Vec<&str> {
    let mut parts = named(url, hook);
    let random = pieces(url).filter(|piece| is_random(piece));
    parts.extend(random);
    // Longer ones first: what is shown loses them one after another.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

/// The password, what a hook's path is, and the parameters that are called as secrets are.
fn named(url: &str, hook: bool) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let user = authority.rsplit_once('@').map(|(user, _host)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_user, password)| password);
    let path_alone = Some(path.trim_start_matches('/')).filter(|path| hook && !path.is_empty());
    let values = parameters(path).filter(|(name, _)| is_credential(name)).map(|(_, value)| value);
    password.into_iter().chain(path_alone).chain(values).filter(|part| !part.is_empty()).collect()
}

/// `name=value` of what stands behind a `?`, `&`, `;` or `#`.
fn parameters(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.split(['?', '&', ';', '#']).skip(1).filter_map(|parameter| parameter.split_once('='))
}

/// Short names that mean something in an address only.
fn is_credential(name: &str) -> bool {
    sounds_secret(name)
        || matches!(name.to_lowercase().as_str(), "sig" | "signature" | "code" | "auth" | "sas" | "k")
}

/// The steps of the path and the values of the parameters.
fn pieces(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    rest.split(['/', '?', '&', ';', '#', '=']).skip(1)
}

/// Whether no person would have called anything so: many characters that make no words.
fn is_random(piece: &str) -> bool {
    let words = piece.split(|c: char| !c.is_ascii_alphanumeric() && c != '%');
    words.filter(|word| !is_word(word)).map(str::len).sum::<usize>() >= RANDOM
}

/// `incident`, `Incidents`, `getById`, `2024`, `v2`
fn is_word(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let upper = word.bytes().filter(u8::is_ascii_uppercase).count();
    let letters = word.len() - digits;
    word.len() <= WORD
        || (letters == 0 && digits <= 8)
        // A number at its end belongs to many a name.
        || (digits <= 3 && word.trim_end_matches(|c: char| c.is_ascii_digit()).len() == letters && upper * 3 <= letters)
}

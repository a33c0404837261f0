//! How much memory a message takes, before anything of it is decoded.

/// What every message takes: its task, its span, its entries here and there.
const OF_A_MESSAGE: usize = 8 * 1_024;
/// What a header takes besides its letters.
const OF_A_HEADER: usize = 80;
/// What a value takes once it is decoded, besides its letters: a place in a list, or in an object with its name.
const OF_A_VALUE: usize = 100;

/// About how many bytes a message takes. JSON of many small values takes a multiple of its length once it is decoded: the
/// values are counted by what stands between them. In texts these characters are rare enough.
pub(super) fn of<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>, body: &[u8]) -> usize {
    let headers = headers.into_iter().map(|(name, value)| name.len() + value.len() + OF_A_HEADER);
    let values = body.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
    let values = values.saturating_mul(OF_A_VALUE);
    headers.fold(OF_A_MESSAGE, usize::saturating_add).saturating_add(body.len()).saturating_add(values)
}

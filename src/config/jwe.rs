//! Protected secrets: JWE in compact form, encrypted directly with a shared key (RFC 7516, `dir` with AES-GCM).

use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// Why a token cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum JweError {
    /// Not five parts of base64, or a header that is no JSON.
    #[error("it is no JWE in compact form")]
    Malformed,
    /// Another algorithm, or an extension that must be understood.
    #[error(
        "it is encrypted in a way that is not supported (only `dir` with A128GCM, A192GCM or A256GCM is)"
    )]
    Unsupported,
    /// The key file holds no symmetric key of the right length.
    #[error("the key in .jwk/key.jwk does not fit")]
    Key,
    /// Wrong key, or the token was changed.
    #[error("the key is another one, or the file was changed")]
    Refused,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    zip: Option<serde::de::IgnoredAny>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    k: String,
}

/// The text inside `token`, whose key is in `jwk` (RFC 7517).
pub(super) fn decrypt(token: &str, jwk: &str) -> Result<String, JweError> {
    let token = token.lines().next().unwrap_or_default().trim();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, "", nonce, text, tag] = parts[..] else { return Err(JweError::Malformed) };
    let key = key(algorithm(header)?, jwk)?;
    let nonce = Nonce::try_assume_unique_for_key(&bytes(nonce)?).map_err(|_| JweError::Malformed)?;
    let mut sealed = bytes(text)?;
    let tag = bytes(tag)?;
    if tag.len() != 16 {
        return Err(JweError::Malformed);
    }
    sealed.extend(tag);
    let opened = key.open_in_place(nonce, Aad::from(header), &mut sealed).map_err(|_| JweError::Refused)?;
    String::from_utf8(opened.to_vec()).map_err(|_| JweError::Malformed)
}

fn algorithm(header: &str) -> Result<&'static Algorithm, JweError> {
    let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| JweError::Malformed)?;
    match (header.alg.as_str(), header.enc.as_str(), header.zip, header.crit) {
        ("dir", "A128GCM", None, None) => Ok(&AES_128_GCM),
        ("dir", "A192GCM", None, None) => Ok(&AES_192_GCM),
        ("dir", "A256GCM", None, None) => Ok(&AES_256_GCM),
        _ => Err(JweError::Unsupported),
    }
}

fn key(algorithm: &'static Algorithm, jwk: &str) -> Result<LessSafeKey, JweError> {
    let jwk: Jwk = serde_json::from_str(jwk).map_err(|_| JweError::Key)?;
    let key = Some(&jwk.k).filter(|_| jwk.kty == "oct").and_then(|key| URL_SAFE_NO_PAD.decode(key).ok());
    let key = UnboundKey::new(algorithm, &key.ok_or(JweError::Key)?).map_err(|_| JweError::Key)?;
    Ok(LessSafeKey::new(key))
}

fn bytes(text: &str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JweError::Malformed)
}

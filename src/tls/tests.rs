//! What cannot be shown from outside: the system's roots depend on the machine.

use rustls_native_certs::load_certs_from_paths;
use tempfile::TempDir;

use super::{Purpose, TlsError, roots};

fn purpose() -> Purpose {
    Purpose { label: "REST", option: "cafile", name_option: None, server: "soar.example.com:443".into() }
}

#[test]
fn a_system_without_roots_is_told_what_to_install() {
    let empty = TempDir::new().unwrap();
    let error = roots::native(load_certs_from_paths(None, Some(empty.path())), &purpose()).unwrap_err();
    assert!(matches!(&error, TlsError::NoNativeRoots { errors, .. } if errors.is_empty()));
    let text = error.to_string();
    assert!(text.contains("ca-certificates") && text.contains("cafile"), "{text}");
}

#[test]
fn what_went_wrong_with_the_systems_roots_is_in_the_error() {
    let empty = TempDir::new().unwrap();
    let missing = empty.path().join("missing.pem");
    let error = roots::native(load_certs_from_paths(Some(&missing), None), &purpose()).unwrap_err();
    assert!(error.to_string().contains("missing.pem"), "{error}");
}

#[test]
fn one_unreadable_file_among_the_systems_roots_does_no_harm() {
    let key = rcgen::generate_simple_self_signed(["root".to_owned()]).unwrap();
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("good.pem"), key.cert.pem()).unwrap();
    let mut found = load_certs_from_paths(None, Some(directory.path()));
    let missing = directory.path().join("missing.pem");
    found.errors.extend(load_certs_from_paths(Some(&missing), None).errors);
    assert_eq!(roots::native(found, &purpose()).unwrap().anchors.len(), 1);
}

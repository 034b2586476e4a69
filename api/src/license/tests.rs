use super::*;
use domain::{LicenseId, Timestamp, license::License};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

fn license() -> License {
    let at = |second| Timestamp::from_micros(0).plus_seconds(second);
    License {
        id: LicenseId(Uuid::from_u128(7)),
        licensee: "Example Institute, Berlin".parse().unwrap(),
        issued_at: at(1_772_000_000),
        starts_at: at(1_772_366_400),
        ends_at: at(1_803_902_400),
        grace_days: 14,
        seats: Some(300),
        devices: None,
    }
}

struct Vendor {
    folder: TempDir,
}

impl Vendor {
    fn new() -> Self {
        let vendor = Self { folder: tempfile::tempdir().unwrap() };
        new_keys(&vendor.path("vendor.pem"), &vendor.path("vendor.pub")).unwrap();
        vendor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self) -> String {
        SigningKey::in_file(&self.path("vendor.pem")).unwrap().issue(license()).unwrap()
    }

    fn key(&self) -> VendorKey {
        VendorKey::in_file(&self.path("vendor.pub")).unwrap()
    }
}

#[test]
fn what_the_vendor_signed_is_what_it_grants() {
    let vendor = Vendor::new();
    assert_eq!(verify(&format!("  {}\n", vendor.token()), &vendor.key()), Ok(license()));
}

#[test]
fn what_another_signed_or_what_was_changed_is_foreign() {
    let (vendor, other) = (Vendor::new(), Vendor::new());
    assert_eq!(verify(&vendor.token(), &other.key()), Err(Unfit::Foreign));
    let token = vendor.token();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let more = String::from_utf8(claims).unwrap().replace("300", "999");
    let more = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, more);
    assert_eq!(verify(&format!("{header}.{more}.{signature}"), &vendor.key()), Err(Unfit::Foreign));
}

#[test]
fn what_is_no_such_token_is_told_so() {
    let vendor = Vendor::new();
    let other_audience = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA),
        &serde_json::json!({ "aud": "another", "sub": "x", "exp": 1, "nbf": 0 }),
        &jsonwebtoken::EncodingKey::from_ed_pem(&fs::read(vendor.path("vendor.pem")).unwrap()).unwrap(),
    );
    // RFC 7519 §6.1: an unsecured token; and one whose "secret" is the public key.
    let none = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJka3ViZS1saWNlbnNlIn0.";
    let hmac = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &serde_json::json!({ "aud": "dkube-license", "sub": "x", "exp": 1, "nbf": 0 }),
        &jsonwebtoken::EncodingKey::from_secret(&fs::read(vendor.path("vendor.pub")).unwrap()),
    );
    for text in ["", "hunter2", "a.b.c", none, &other_audience.unwrap(), &hmac.unwrap()] {
        assert_eq!(verify(text, &vendor.key()), Err(Unfit::Form), "{text}");
    }
}

#[test]
fn a_private_key_is_its_owners_and_is_never_written_over() {
    let vendor = Vendor::new();
    let mode = fs::metadata(vendor.path("vendor.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(vendor.path("vendor.pem")).unwrap();
    assert!(new_keys(&vendor.path("vendor.pem"), &vendor.path("other.pub")).is_err());
    assert_eq!(fs::read(vendor.path("vendor.pem")).unwrap(), before);
    let error = VendorKey::in_file(&vendor.path("vendor.pem")).unwrap_err();
    assert!(error.to_string().ends_with("is no Ed25519 public key in PEM (RFC 8410)"), "{error}");
    assert!(!error.to_string().contains("PRIVATE"));
}

use super::*;
use domain::{LicenseId, Timestamp, license::License};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
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

/// All that a token says, with these claims in the place of its own; null leaves one out.
fn claims(other: &[(&str, Value)]) -> Value {
    let mut claims = json!({ "aud": "dkube-license", "jti": Uuid::from_u128(7), "sub": "x", "iat": 1, "nbf": 1, "exp": 2,
        "grace_days": 1, "seats": null, "devices": null });
    for (name, value) in other {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

#[test]
fn what_is_no_such_token_is_told_so() {
    let vendor = Vendor::new();
    let (private, public) =
        (fs::read(vendor.path("vendor.pem")).unwrap(), fs::read(vendor.path("vendor.pub")).unwrap());
    let signed = |claims: &Value| {
        encode(&Header::new(Algorithm::EdDSA), claims, &EncodingKey::from_ed_pem(&private).unwrap()).unwrap()
    };
    assert!(verify(&signed(&claims(&[])), &vendor.key()).is_ok());
    let others = [
        ("seats", Value::Null),
        ("devices", Value::Null),
        ("nodes", json!(3)),
        ("sub", json!("two\nlines")),
        ("exp", Value::Null),
        ("grace_days", json!(-1)),
    ];
    for other in others {
        assert_eq!(
            verify(&signed(&claims(std::slice::from_ref(&other))), &vendor.key()),
            Err(Unfit::Form),
            "{other:?}"
        );
    }
    // What the vendor signed for something else, whatever else it says.
    for other in [json!("another"), Value::Null] {
        for also in [("nodes", json!(3)), ("nbf", Value::Null)] {
            let token = signed(&claims(&[("aud", other.clone()), also.clone()]));
            assert_eq!(verify(&token, &vendor.key()), Err(Unfit::Elsewhere), "{other} {also:?}");
        }
    }
    // RFC 7519 §6.1: an unsecured token; and one whose "secret" is the public key (RFC 8725 §2.1).
    let part = |json: Value| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, json.to_string());
    let none = format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims(&[])));
    let hmac = encode(&Header::new(Algorithm::HS256), &claims(&[]), &EncodingKey::from_secret(&public)).unwrap();
    for text in ["", "hunter2", "a.b.c", &none, &hmac] {
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
    assert!(new_keys(&vendor.path("new"), &vendor.path("vendor.pub")).is_err());
    assert!(!vendor.path("new").exists(), "half a pair is of no use");
    let error = VendorKey::in_file(&vendor.path("vendor.pem")).unwrap_err();
    assert!(error.to_string().ends_with("is no Ed25519 public key in PEM (RFC 8410)"), "{error}");
    assert!(!error.to_string().contains("PRIVATE"));
}

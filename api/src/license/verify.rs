use super::{
    VendorKey,
    claims::{AUDIENCE, Claims},
};
use domain::license::License;
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};
use serde_json::Value;

/// Why a text is no license of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is no license token, or says what this release does not know.
    #[error("this is no license token that this release can read: copy it whole, or upgrade")]
    Form,
    /// The vendor signed it for something else.
    #[error("the vendor signed this, and it is no license for DKube Operator: it is for another product or purpose")]
    Elsewhere,
    /// Another key signed it, or it was changed since.
    #[error("it was not signed by the vendor whose key this server has, or was changed since")]
    Foreign,
}

/// What the token grants, if the vendor signed it.
///
/// # Errors
/// It is no such token.
pub(crate) fn verify(token: &str, key: &VendorKey) -> Result<License, Unfit> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    // Whom it is for comes first: what else another product's token says is not ours to know.
    validation.set_required_spec_claims(&["aud"]);
    // When it holds is judged where it is installed, which says so.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let signed = decode::<Value>(token.trim(), &key.0, &validation).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => Unfit::Foreign,
        ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => Unfit::Elsewhere,
        _ => Unfit::Form,
    })?;
    serde_json::from_value::<Claims>(signed.claims).map(License::from).map_err(|_| Unfit::Form)
}

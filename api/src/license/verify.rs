use super::{
    VendorKey,
    claims::{AUDIENCE, Claims},
};
use domain::license::License;
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};

/// Why a text is no license of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is no license token, or says what this release does not know.
    #[error("this is no license token that this release can read: copy it whole, or upgrade")]
    Form,
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
    validation.set_required_spec_claims(&["aud", "exp", "nbf", "sub"]);
    // When it holds is judged where it is installed, which says so.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    match decode::<Claims>(token.trim(), &key.0, &validation) {
        Ok(token) => Ok(token.claims.into()),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature => Unfit::Foreign,
            _ => Unfit::Form,
        }),
    }
}

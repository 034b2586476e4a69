//! What is given on standard input, and may be a secret.
use super::error::CliError;
use std::io::{self, Read};
use zeroize::Zeroizing;

/// All of it, up to so many bytes. `what` is what is read, as in "the password".
pub(super) fn read(most: u64, what: &str) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(most).unwrap_or_default() + 64));
    let read = io::stdin().take(most).read_to_string(&mut text);
    read.map_err(|error| CliError::failed(format!("read {what} from standard input"), error))?;
    Ok(text)
}

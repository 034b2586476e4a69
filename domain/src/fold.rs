//! Which fold this is.

/// A fingerprint of the sources of this crate: a snapshot that another fold made is not this one's to load.
pub const FOLD: u64 = match u64::from_str_radix(env!("DOMAIN_FOLD"), 16) {
    Ok(fold) => fold,
    Err(_) => panic!("the build script writes sixteen hexadecimal digits"),
};

use domain::{
    EventId, UserId,
    stored::{Field, Opened, Owner, Sealed, Vault, VaultError},
};
use std::{collections::HashSet, sync::Mutex};

/// A vault that hides nothing, and forgets whom it is told to.
#[derive(Default)]
pub(crate) struct GlassVault {
    pub(crate) erased: Mutex<HashSet<UserId>>,
    pub(crate) lost: Mutex<HashSet<UserId>>,
    pub(crate) given_up: Mutex<HashSet<UserId>>,
}

impl Vault for GlassVault {
    fn seal(&self, _: Owner, _: EventId, _: Field, clear: &[u8]) -> Result<Sealed, VaultError> {
        Ok(Sealed(clear.into()))
    }

    fn open(&self, owner: Owner, _: EventId, _: Field, sealed: &Sealed) -> Result<Opened, VaultError> {
        if let Owner::User(user) = owner {
            if self.lost.lock().unwrap().contains(&user) {
                return Err(VaultError::KeyMissing(owner));
            }
            if self.given_up.lock().unwrap().contains(&user) {
                return Ok(Opened::Unreadable);
            }
            if self.erased.lock().unwrap().contains(&user) {
                return Ok(Opened::Erased);
            }
        }
        Ok(Opened::Clear(sealed.0.to_vec()))
    }
}

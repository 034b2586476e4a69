//! The stored form of [`Names`]: each login sealed as it is in the log, under its user's key and with the id of the event
//! that brought it, so that the same text never gets a second nonce, nor a second text the same.
use super::PieceError;
use crate::names::{Named, Names};
use domain::{
    EventId, Login, Position, UserId,
    stored::{Field, Opened, Owner, Sealed, Vault, VaultError},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct StoredUser {
    user: [u8; 16],
    erased: bool,
    logins: Vec<StoredLogin>,
}

#[derive(Serialize, Deserialize)]
struct StoredLogin {
    from: u64,
    event: [u8; 16],
    /// None if it was erased, or can't be read.
    login: Option<Vec<u8>>,
    unreadable: bool,
}

pub(super) fn pack(names: &Names, vault: &dyn Vault) -> Result<Vec<u8>, PieceError> {
    let users = names.histories().iter().map(|(user, history)| {
        let logins = history.logins.iter().map(|named| store(*user, named, vault));
        let logins = logins.collect::<Result<_, _>>().map_err(PieceError::cause)?;
        Ok(StoredUser { user: user.0.into_bytes(), erased: history.erased, logins })
    });
    let users = users.collect::<Result<Vec<_>, PieceError>>()?;
    postcard::to_extend(&users, vec![]).map_err(PieceError::cause)
}

fn store(user: UserId, named: &Named, vault: &dyn Vault) -> Result<StoredLogin, VaultError> {
    let seal = |login: &str| vault.seal(Owner::User(user), named.event, Field::Login, login.as_bytes());
    let login = named.login.readable().map(seal).transpose()?.map(|sealed| sealed.0.to_vec());
    let unreadable = named.login.is_unreadable();
    Ok(StoredLogin { from: named.from.0, event: named.event.0.into_bytes(), login, unreadable })
}

pub(super) fn unpack(bytes: &[u8], vault: &dyn Vault) -> Result<Names, PieceError> {
    let (users, rest) = postcard::take_from_bytes::<Vec<StoredUser>>(bytes).map_err(PieceError::cause)?;
    if !rest.is_empty() {
        return Err(PieceError::Damaged("there is more in it than names"));
    }
    let mut names = Names::default();
    let mut entries = vec![];
    for stored in users {
        let (user, erased, logins) = open(stored, vault)?;
        names.enter(user, erased, vec![]);
        entries.extend(logins.into_iter().map(|named| (user, named)));
    }
    // As the events came: whoever had a login first is named first.
    entries.sort_by_key(|(_, named)| named.from);
    for (user, named) in entries {
        names.enter(user, false, vec![named]);
    }
    Ok(names)
}

fn open(stored: StoredUser, vault: &dyn Vault) -> Result<(UserId, bool, Vec<Named>), PieceError> {
    let user = UserId(Uuid::from_bytes(stored.user));
    let logins = stored.logins.into_iter().map(|stored| {
        let event = EventId(Uuid::from_bytes(stored.event));
        let login = match stored.login {
            Some(sealed) => reveal(user, event, &Sealed(sealed.into()), vault)?,
            None if stored.unreadable => Login::unreadable(user),
            None => Login::erased(user),
        };
        Ok(Named { from: Position(stored.from), event, login })
    });
    Ok((user, stored.erased, logins.collect::<Result<_, PieceError>>()?))
}

fn reveal(user: UserId, event: EventId, sealed: &Sealed, vault: &dyn Vault) -> Result<Login, PieceError> {
    match vault.open(Owner::User(user), event, Field::Login, sealed).map_err(PieceError::cause)? {
        Opened::Clear(clear) => {
            let login = std::str::from_utf8(&clear).ok().and_then(|text| text.parse().ok());
            login.ok_or(PieceError::Damaged("a login in it is none"))
        }
        Opened::Erased => Ok(Login::erased(user)),
        Opened::Unreadable => Ok(Login::unreadable(user)),
    }
}

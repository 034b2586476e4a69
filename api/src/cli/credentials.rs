//! The tokens of `dkube login`, kept by server in a file that only its owner can read.
use super::error::CliError;
use crate::settings::{Environment, Secret};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The largest file that is read, in bytes.
const SIZE_MAX: u64 = 1 << 20;

/// Where the tokens are kept.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    path: PathBuf,
}

/// What is kept for one server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Whose token it is.
    pub(super) login: String,
    /// Its id, by which it is revoked.
    pub(super) token_id: String,
    /// When it ends.
    pub(super) expires_at: Option<String>,
    token: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("token_id", &self.token_id).finish_non_exhaustive()
    }
}

impl Kept {
    pub(super) fn new(login: String, token_id: String, expires_at: Option<String>, token: &Secret) -> Self {
        Self { login, token_id, expires_at, token: token.reveal().to_owned() }
    }

    pub(super) fn token(&self) -> Secret {
        Secret::new(self.token.clone())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.token);
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    servers: BTreeMap<String, Kept>,
}

impl Credentials {
    /// The file of the person who runs this: `dkube/credentials.json` under `XDG_CONFIG_HOME`, else under `~/.config`.
    ///
    /// # Errors
    /// Where neither that nor a home is known.
    pub(super) fn of(environment: &Environment) -> Result<Self, CliError> {
        let folder = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || environment.get("HOME").map(|home| Path::new(home).join(".config"));
        match folder.or_else(home) {
            Some(folder) => Ok(Self { path: folder.join("dkube").join("credentials.json") }),
            None => Err(CliError::Usage("neither XDG_CONFIG_HOME nor HOME says where sign-ins are kept".to_owned())),
        }
    }

    /// What is kept for that server.
    pub(super) fn find(&self, server: &str) -> Result<Option<Kept>, CliError> {
        Ok(self.read()?.servers.remove(server))
    }

    /// Keeps this for that server, in place of what was kept.
    pub(super) fn keep(&self, server: &str, kept: Kept) -> Result<(), CliError> {
        self.change(|servers| {
            servers.insert(server.to_owned(), kept);
        })
    }

    /// Forgets that server.
    pub(super) fn forget(&self, server: &str) -> Result<(), CliError> {
        self.change(|servers| {
            servers.remove(server);
        })
    }

    fn read(&self) -> Result<Document, CliError> {
        let failed = |error| self.failed("read", error);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Document::default()),
            Err(error) => return Err(failed(error)),
        };
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            let path = self.path.display();
            return Err(CliError::Usage(format!(
                "others may read {path}, which holds tokens: chmod 600 {path}, or sign in anew"
            )));
        }
        let mut text = zeroize::Zeroizing::new(String::new());
        file.take(SIZE_MAX).read_to_string(&mut text).map_err(failed)?;
        serde_json::from_str(&text)
            .map_err(|_| CliError::Usage(format!("{} is damaged: remove it and sign in anew", self.path.display())))
    }

    /// Changes the file as a whole, one process at a time.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Kept>)) -> Result<(), CliError> {
        let failed = |error| self.failed("write", error);
        let folder = self.path.parent().expect("the path has a file name and a folder before it");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let lock = private().create(true).open(self.path.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut document = self.read()?;
        change(&mut document.servers);
        let text = zeroize::Zeroizing::new(serde_json::to_vec_pretty(&document).expect("texts are JSON"));
        let draft = self.path.with_extension("new");
        let write = || {
            // What is there already may be readable by others, or lead elsewhere: only one holds the lock, so nobody needs it.
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let mut file = private().create_new(true).open(&draft)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&draft, &self.path)
        };
        write().map_err(failed)
    }

    fn failed(&self, what: &str, error: std::io::Error) -> CliError {
        CliError::failed(format!("{what} {}", self.path.display()), error)
    }
}

/// A file that only its owner can read, where it is made here.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    fn credentials(folder: &Path) -> Credentials {
        Credentials::of(&Environment::of([("XDG_CONFIG_HOME", folder.to_str().unwrap())])).unwrap()
    }

    fn kept(token: &str) -> Kept {
        Kept::new("ada".to_owned(), "id".to_owned(), None, &Secret::new(token.to_owned()))
    }

    #[test]
    fn kept_by_server_in_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path());
        assert!(credentials.find("http://a/").unwrap().is_none());
        credentials.keep("http://a/", kept("one")).unwrap();
        credentials.keep("http://b/", kept("two")).unwrap();
        assert_eq!(credentials.find("http://a/").unwrap().unwrap().token().reveal(), "one");
        assert_eq!(fs::metadata(&credentials.path).unwrap().permissions().mode() & 0o777, 0o600);
        credentials.forget("http://a/").unwrap();
        assert!(credentials.find("http://a/").unwrap().is_none());
        assert_eq!(credentials.find("http://b/").unwrap().unwrap().token().reveal(), "two");
        assert!(!format!("{:?}", kept("hidden")).contains("hidden"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path());
        credentials.keep("http://a/", kept("one")).unwrap();
        fs::set_permissions(&credentials.path, Permissions::from_mode(0o644)).unwrap();
        assert!(credentials.find("http://a/").unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn tokens_go_into_a_file_of_their_own_whatever_is_there() {
        for is_link in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let credentials = credentials(folder.path());
            credentials.keep("http://a/", kept("one")).unwrap();
            let (others, draft) = (folder.path().join("others"), credentials.path.with_extension("new"));
            fs::write(&others, "").unwrap();
            fs::set_permissions(&others, Permissions::from_mode(0o666)).unwrap();
            if is_link {
                std::os::unix::fs::symlink(&others, &draft).unwrap();
            } else {
                fs::hard_link(&others, &draft).unwrap();
            }
            credentials.keep("http://b/", kept("two")).unwrap();
            assert_eq!(fs::read(&others).unwrap(), b"");
            let about = fs::symlink_metadata(&credentials.path).unwrap();
            assert!(about.is_file() && about.permissions().mode() & 0o777 == 0o600);
            assert_eq!(credentials.find("http://b/").unwrap().unwrap().token().reveal(), "two");
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path());
        credentials.keep("http://a/", kept("one")).unwrap();
        fs::write(&credentials.path, "{").unwrap();
        assert!(credentials.find("http://a/").unwrap_err().to_string().contains("is damaged"));
    }
}

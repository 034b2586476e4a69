//! Where the read models keep their snapshots: beside the log.
use bus::storage::{Files, StorageError};
use projections::Store;
use std::{io, sync::Arc};

/// The small files of the data folder, under a prefix of their own.
pub struct Snapshots(pub Arc<dyn Files>);

impl std::fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Snapshots").finish_non_exhaustive()
    }
}

const PREFIX: &str = "snapshot.";

fn io(error: StorageError) -> io::Error {
    io::Error::other(error)
}

impl Store for Snapshots {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.0.names().map_err(io)?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect())
    }

    fn load(&self, name: &str) -> io::Result<Vec<u8>> {
        let found = self.0.read(&format!("{PREFIX}{name}")).map_err(io)?;
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such snapshot"))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.write(&format!("{PREFIX}{name}"), bytes).map_err(io)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.destroy(&format!("{PREFIX}{name}")).map_err(io)
    }
}

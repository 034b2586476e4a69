//! Fingerprints the sources, so that a snapshot made by another fold is recognised and thrown away.
use std::{
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = vec![];
    list(Path::new("src"), &mut files)?;
    // Folders are listed in any order: the fingerprint depends on names and contents alone.
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| (path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"), path))
        .collect();
    named.sort();
    let mut hash = FNV_OFFSET;
    for (name, path) in named {
        let text = fs::read(&path)?;
        for part in [name.as_bytes(), &text] {
            hash = fnv(fnv(hash, &(part.len() as u64).to_le_bytes()), part);
        }
    }
    println!("cargo::rustc-env=DOMAIN_FOLD={hash:016x}");
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a with 64 bits, going on from a hash.
fn fnv(from: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(from, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

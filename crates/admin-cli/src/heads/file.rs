//! Heads in a file, one per line, as `audit verify --checkpoint` reads them.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use easemob_admin_store_pg::trail::heads::NewHead;

use super::Unsent;

/// Appends heads, and waits until they are on disk.
pub(super) fn append(path: &Path, heads: &[NewHead]) -> Result<(), Unsent> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    let mut lines = String::new();
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        // A full disk may have cut the last line off.
        if last != *b"\n" {
            lines.push('\n');
        }
    }
    for head in heads {
        lines += &head.head;
        lines.push('\n');
    }
    // In one call, so that machines that share the file do not mix their lines.
    file.write_all(lines.as_bytes())?;
    Ok(file.sync_data()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::tests::head;

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("heads");
        std::fs::write(&path, "eyJh").unwrap();
        append(&path, &[head("one", 1), head("two", 2)]).unwrap();
        append(&path, &[head("one", 3)]).unwrap();
        let lines = std::fs::read_to_string(&path).unwrap();
        assert_eq!(lines, "eyJh\nhead.of.one-1\nhead.of.two-2\nhead.of.one-3\n");
    }
}

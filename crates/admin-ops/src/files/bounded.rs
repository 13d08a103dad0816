//! Reads files that a person named, without filling the memory: the wrong one may be a disk image, or have no end.

use std::fs::File;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

/// The most bytes of a file that people write, such as a policy.
pub const WRITTEN_BY_HAND: u64 = 64 * 1024 * 1024;

/// Reads a whole file of at most `most` bytes.
///
/// # Errors
/// When it is longer, or cannot be read.
pub fn whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "it has more than {} MiB, so it is another kind of file",
                most >> 20
            ),
        ));
    }
    Ok(bytes)
}

/// Reads a line with its end into `line`, in place of what was there; returns false at the end of the source.
///
/// # Errors
/// When the line has more than `longest` bytes, or cannot be read.
pub fn line(source: &mut impl BufRead, longest: u64, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    source.take(longest + 1).read_until(b'\n', line)?;
    if line.len() as u64 > longest {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "a line has more than {} MiB, so it is another kind of file",
                longest >> 20
            ),
        ));
    }
    Ok(!line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_allowed_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        assert_eq!(whole(file.path(), 4).unwrap(), b"four");
        assert_eq!(
            whole(file.path(), 3).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        let (mut source, mut read) = (&b"one\n\nlonger\n"[..], Vec::new());
        assert!(line(&mut source, 4, &mut read).unwrap());
        assert_eq!(read, b"one\n");
        assert!(line(&mut source, 4, &mut read).unwrap());
        assert_eq!(read, b"\n");
        let long = line(&mut source, 4, &mut read).unwrap_err();
        assert_eq!(long.kind(), io::ErrorKind::FileTooLarge);
        assert!(!line(&mut &b""[..], 4, &mut read).unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_without_end_is_refused() {
        let zero = Path::new("/dev/zero");
        assert!(whole(zero, 1 << 20).is_err());
        let mut source = io::BufReader::new(File::open(zero).unwrap());
        assert!(line(&mut source, 1 << 20, &mut Vec::new()).is_err());
    }
}

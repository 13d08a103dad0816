//! Archives: segments of a trail whose lines were elsewhere, as the files of a trail, with the heads that seal them.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::key::PublicKey;
use crate::line::LONGEST_LINE;
use crate::naming::{HEADS, PUBLIC_KEY, segment_name};
use crate::trail::access;
use crate::trail::key_files::write_whole;
use crate::trail::segment::segments;

/// Writes segments of a trail to a directory, which [`verify`](crate::verify) can then verify by itself.
///
/// A directory may have earlier segments of the same trail, sealed with the same key. What it has already is compared, and
/// never replaced. All calls block.
#[derive(Debug)]
pub struct ArchiveWriter {
    directory: PathBuf,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    first: u64,
    /// Where it is written until it is complete.
    draft: PathBuf,
    file: BufWriter<File>,
}

impl ArchiveWriter {
    /// Opens the directory, and creates it if necessary, for segments that `key` seals.
    ///
    /// # Errors
    /// When it cannot be written, others may change it, or it was sealed with another key.
    pub fn new(directory: &Path, key: &PublicKey) -> Result<Self, AuditError> {
        access::own_directory(directory)?;
        let path = directory.join(PUBLIC_KEY);
        if path.exists() {
            let beside = PublicKey::read(&path)?;
            if beside.id() != key.id() {
                let signer = beside.id();
                return Err(AuditError::OtherKey {
                    path: directory.to_owned(),
                    signer,
                });
            }
        } else {
            write_whole(&path, &key.pem())?;
        }
        Ok(Self {
            directory: directory.to_owned(),
            open: None,
        })
    }

    /// Writes the next line, without its end, of the segment that starts with entry `segment`.
    ///
    /// # Errors
    /// When it cannot be written, or the directory has a segment that differs from the one that was just completed.
    pub fn line(&mut self, segment: u64, line: &[u8]) -> Result<(), AuditError> {
        if self.open.as_ref().is_none_or(|open| open.first != segment) {
            self.complete()?;
            let draft = self.directory.join(format!("{}.part", segment_name(segment)));
            let mut options = access::private();
            options.write(true).create(true).truncate(true);
            let file = options.open(&draft).map_err(AuditError::io("written", &draft))?;
            self.open = Some(OpenSegment {
                first: segment,
                draft,
                file: BufWriter::new(file),
            });
        }
        if let Some(OpenSegment { draft, file, .. }) = &mut self.open {
            let written = file.write_all(line).and_then(|()| file.write_all(b"\n"));
            written.map_err(AuditError::io("written", draft))?;
        }
        Ok(())
    }

    /// Completes the last segment, and adds heads, each a compact JWS, to those that are there.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn finish(mut self, heads: &[String]) -> Result<(), AuditError> {
        self.complete()?;
        let path = self.directory.join(HEADS);
        let mut text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(AuditError::io("read", &path))?,
        };
        for head in heads {
            if !text.lines().any(|line| line == head) {
                text += head;
                text.push('\n');
            }
        }
        write_whole(&path, &text)?;
        access::sync_directory(&self.directory)
    }

    fn complete(&mut self) -> Result<(), AuditError> {
        let Some(OpenSegment { first, draft, file }) = self.open.take() else {
            return Ok(());
        };
        let written = file.into_inner().map_err(io::IntoInnerError::into_error);
        let written = written.and_then(|file| file.sync_all());
        written.map_err(AuditError::io("written", &draft))?;
        let path = self.directory.join(segment_name(first));
        if path.exists() {
            let same = is_same(&draft, &path).map_err(AuditError::io("read", &path))?;
            fs::remove_file(&draft).map_err(AuditError::io("written", &draft))?;
            if !same {
                let problem = "it differs from the same part of the trail";
                return Err(AuditError::Changed { path, problem });
            }
            return Ok(());
        }
        fs::rename(&draft, &path).map_err(AuditError::io("written", &path))
    }
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (
        BufReader::new(File::open(one)?),
        BufReader::new(File::open(other)?),
    );
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let count = here.len().min(there.len());
        if here[..count] != there[..count] {
            return Ok(false);
        }
        if count == 0 {
            return Ok(here.len() == there.len());
        }
        one.consume(count);
        other.consume(count);
    }
}

/// Reads the lines of a trail in a directory, each with the number of the first entry of its segment and without its end.
///
/// # Errors
/// When the directory cannot be read. Each line may be an error, too: after a file that cannot be read, or a line without an
/// end, nothing follows.
pub fn archived_lines(
    directory: &Path,
) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>), AuditError>> + use<>, AuditError> {
    let mut files = segments(directory)?.into_iter();
    let mut open: Option<(u64, PathBuf, BufReader<File>)> = None;
    let mut next = move || -> Result<Option<(u64, Vec<u8>)>, AuditError> {
        loop {
            if let Some((first, path, file)) = &mut open {
                let mut line = Vec::new();
                let longest = LONGEST_LINE as u64 + 1;
                let read = file.by_ref().take(longest).read_until(b'\n', &mut line);
                read.map_err(AuditError::io("read", path))?;
                match line.pop() {
                    Some(b'\n') => return Ok(Some((*first, line))),
                    Some(_) => {
                        let (path, problem) = (path.clone(), "a line has no end");
                        return Err(AuditError::Changed { path, problem });
                    }
                    None => open = None,
                }
            }
            let Some(file) = files.next() else {
                return Ok(None);
            };
            let opened = File::open(&file.path).map_err(AuditError::io("opened", &file.path))?;
            open = Some((file.first, file.path, BufReader::new(opened)));
        }
    };
    let mut has_failed = false;
    Ok(std::iter::from_fn(move || {
        let read = if has_failed { Ok(None) } else { next() };
        has_failed = read.is_err();
        read.transpose()
    }))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::Event;
    use crate::kind::Kind;
    use crate::limits::Limits;
    use crate::trail::{Against, AuditTrail, verify};

    /// Returns a trail with several files.
    fn trail(directory: &Path) -> AuditTrail {
        let limits = Limits {
            file_bytes: 500,
            ..Limits::default()
        };
        let mut trail = AuditTrail::open_with(directory, "test", limits).unwrap();
        for _ in 0..20 {
            trail.append(&[Event::new(UNIX_EPOCH, Kind::Intent)]).unwrap();
        }
        trail.checkpoint(UNIX_EPOCH).unwrap();
        trail
    }

    fn archive(from: &Path, to: &Path) -> Result<(), AuditError> {
        let mut writer = ArchiveWriter::new(to, &PublicKey::of_trail(from)?)?;
        for line in archived_lines(from)? {
            let (segment, line) = line?;
            writer.line(segment, &line)?;
        }
        let heads = fs::read_to_string(from.join(HEADS)).unwrap();
        writer.finish(&heads.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn an_archive_is_the_same_trail() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        drop(trail(&from));
        for _ in 0..2 {
            archive(&from, &to).unwrap();
            let found = verify(&to, &Against::default()).unwrap();
            assert!(
                found.holds() && found.files > 3 && found.unsigned() == 0,
                "{found:?}"
            );
            assert!(!to.join("key.pem").exists());
            let names = |directory: &Path| fs::read_dir(directory).unwrap().count();
            // Without the private key, and the lock.
            assert_eq!(names(&from) - names(&to), 2);
        }
        fs::write(to.join(segment_name(0)), "{}\n").unwrap();
        assert!(matches!(archive(&from, &to), Err(AuditError::Changed { .. })));
        let other = home.path().join("other");
        drop(trail(&other));
        assert!(matches!(archive(&other, &to), Err(AuditError::OtherKey { .. })));
    }

    #[test]
    fn a_line_without_an_end_is_an_error_and_the_last() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(segment_name(0)), "a\nb").unwrap();
        let mut lines = archived_lines(home.path()).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), (0, b"a".to_vec()));
        assert!(lines.next().unwrap().is_err() && lines.next().is_none());
    }
}

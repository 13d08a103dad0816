//! The end of a trail: the last file, read up to its last complete entry.

use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::chain::{Break, Chain};
use crate::error::AuditError;
use crate::limits::Limits;
use crate::trail::access::{self, Closed};
use crate::trail::line_reader::{Line, LineReader, Place};
use crate::trail::segment::{Segment, segments};

/// The last file of a trail and the state at its end.
#[derive(Debug)]
pub(super) struct Tail {
    segment: Segment,
    file: File,
    place: Place,
    chain: Chain,
}

/// Bytes that a crash left after the last complete line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Torn {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// Why a write failed, and whether the file is unchanged.
pub(super) struct Failed {
    pub(super) error: AuditError,
    pub(super) undone: bool,
}

impl Tail {
    /// Reads the last file, or creates the first one.
    pub(super) fn load(directory: &Path, origin: &str, torn: &mut Vec<Torn>) -> Result<Self, AuditError> {
        let mut segments = segments(directory)?;
        while let Some(segment) = segments.pop() {
            if let Some(tail) = Self::read(segment, torn)? {
                if tail.chain.origin() != origin {
                    return Err(AuditError::Origin {
                        path: tail.segment.path,
                        found: tail.chain.origin().to_owned(),
                        expected: origin.to_owned(),
                    });
                }
                return Ok(tail);
            }
        }
        let chain = Chain::new(origin);
        Self::create(directory, chain).map_err(|failed| failed.error)
    }

    /// Reads one file, or returns `None` if a crash left it without a header; it is removed then.
    fn read(segment: Segment, torn: &mut Vec<Torn>) -> Result<Option<Self>, AuditError> {
        let file = open(&segment.path)?;
        let reading = AuditError::io("read", &segment.path);
        let mut lines = LineReader::new(BufReader::new(&file));
        let chain = match lines.next().map_err(reading)? {
            Some(Line::Whole(header)) => {
                Chain::from_header(header).map_err(|broken| damaged(&segment.path, 1, broken))?
            }
            Some(Line::Torn(_)) | None => {
                let bytes = length(&file, &segment.path)?;
                fs::remove_file(&segment.path).map_err(AuditError::io("repaired", &segment.path))?;
                let path = segment.path;
                torn.push(Torn { path, bytes });
                return Ok(None);
            }
        };
        if chain.size() != segment.first {
            let problem = Break::Unreadable("the header does not match the name of the file".into());
            return Err(damaged(&segment.path, 1, problem));
        }
        let place = lines.place();
        drop(lines);
        let mut tail = Self {
            segment,
            file,
            place,
            chain,
        };
        tail.read_on(torn)?;
        Ok(Some(tail))
    }

    /// Reads what other processes have appended since then, in this file and the following ones.
    pub(super) fn catch_up(&mut self, directory: &Path, torn: &mut Vec<Torn>) -> Result<(), AuditError> {
        let path = &self.segment.path;
        if !access::is_still_at(&self.file, path).map_err(AuditError::io("read", path))? {
            return Err(self.changed("the file in use was moved away or replaced"));
        }
        let length = length(&self.file, path)?;
        if length < self.place.offset {
            return Err(self.changed("entries were removed"));
        }
        // A process that started a new file has named it after the entry that comes next here.
        if length == self.place.offset && !Segment::new(directory, self.chain.size()).path.exists() {
            return Ok(());
        }
        self.read_on(torn)?;
        for segment in segments(directory)? {
            if segment.first <= self.segment.first {
                continue;
            }
            let header = self.chain.header();
            if segment.first != self.chain.size() {
                return Err(self.changed("the next file does not follow from this one"));
            }
            if let Some(next) = Self::read(segment, torn)? {
                if !next.begins_with(header.as_bytes())? {
                    return Err(next.changed("the file does not follow from the one before"));
                }
                *self = next;
            }
        }
        Ok(())
    }

    fn begins_with(&self, header: &[u8]) -> Result<bool, AuditError> {
        let reading = AuditError::io("read", &self.segment.path);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| Ok(LineReader::new(BufReader::new(file)).next()? == Some(Line::Whole(header))))
            .map_err(reading)
    }

    fn read_on(&mut self, torn: &mut Vec<Torn>) -> Result<(), AuditError> {
        let path = &self.segment.path;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.place.offset))
            .map_err(AuditError::io("read", path))?;
        let mut lines = LineReader::starting_at(BufReader::new(file), self.place);
        let unfinished = loop {
            match lines.next().map_err(AuditError::io("read", path))? {
                Some(Line::Whole(line)) => {
                    let followed = self.chain.follow(line);
                    followed.map_err(|broken| damaged(path, lines.number(), broken))?;
                }
                Some(Line::Torn(_)) => break true,
                None => break false,
            }
        };
        self.place = lines.place();
        if unfinished {
            let bytes = length(&self.file, path)? - self.place.offset;
            self.file
                .set_len(self.place.offset)
                .and_then(|()| self.file.sync_all())
                .map_err(AuditError::io("repaired", path))?;
            let path = path.clone();
            torn.push(Torn { path, bytes });
        }
        Ok(())
    }

    /// Creates the file that continues `chain`, with its header.
    fn create(directory: &Path, mut chain: Chain) -> Result<Self, Failed> {
        let segment = Segment::new(directory, chain.size());
        let path = segment.path.clone();
        let undone = |error| Failed { error, undone: true };
        let mut options = access::private();
        options.read(true).append(true).create_new(true);
        let mut file = access::open(&path, &options, Closed::ToWriting).map_err(undone)?;
        let text = chain.begin_segment() + "\n";
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(AuditError::io("written", &path))
            .and_then(|()| access::sync_directory(directory));
        if let Err(error) = written {
            let undone = fs::remove_file(&path).is_ok();
            return Err(Failed { error, undone });
        }
        Ok(Self {
            segment,
            file,
            place: Place {
                number: 1,
                offset: text.len() as u64,
            },
            chain,
        })
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns true if the file gets no more entries.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        limits.is_full(self.chain.size() - self.segment.first, self.place.offset)
    }

    /// Continues in a new file.
    pub(super) fn rotate(&mut self, directory: &Path) -> Result<(), Failed> {
        self.sync()?;
        *self = Self::create(directory, self.chain.clone())?;
        Ok(())
    }

    /// Waits until all lines are on disk.
    pub(super) fn sync(&self) -> Result<(), Failed> {
        // After a failure, the content of the disk is unknown: the system may have dropped the pages.
        self.file.sync_data().map_err(|error| Failed {
            error: AuditError::io("written", &self.segment.path)(error),
            undone: false,
        })
    }

    /// Writes complete lines, after which the state is `chain`. The system has them when this returns.
    pub(super) fn write(&mut self, block: &str, lines: u64, chain: Chain) -> Result<(), Failed> {
        let path = &self.segment.path;
        if let Err(error) = self.file.write_all(block.as_bytes()) {
            let undone = self.file.set_len(self.place.offset).is_ok();
            let error = AuditError::io("written", path)(error);
            return Err(Failed { error, undone });
        }
        self.place.offset += block.len() as u64;
        self.place.number += lines;
        self.chain = chain;
        Ok(())
    }

    fn changed(&self, problem: &'static str) -> AuditError {
        let path = self.segment.path.clone();
        AuditError::Changed { path, problem }
    }

    /// Returns the error of a trail that ends before entries that were signed.
    pub(super) fn cut(&self, signed: u64) -> AuditError {
        let size = self.chain.size();
        AuditError::Damaged {
            path: self.segment.path.clone(),
            line: self.place.number + 1,
            problem: format!(
                "entries {size} to {} are missing, although a checkpoint covers them",
                signed - 1
            ),
        }
    }
}

fn open(path: &Path) -> Result<File, AuditError> {
    let mut options = access::private();
    options.read(true).append(true);
    access::open(path, &options, Closed::ToWriting)
}

fn length(file: &File, path: &Path) -> Result<u64, AuditError> {
    let metadata: io::Result<_> = file.metadata();
    Ok(metadata.map_err(AuditError::io("read", path))?.len())
}

fn damaged(path: &Path, line: u64, broken: Break) -> AuditError {
    let path = path.to_owned();
    let problem = match broken {
        Break::Newer(format) => return AuditError::Newer { path, format },
        Break::Unreadable(problem) => problem,
        Break::Link { seq, .. } => format!("entry {seq} does not follow the line before it"),
        Break::Header => "the header does not follow from the file before".into(),
    };
    AuditError::Damaged { path, line, problem }
}

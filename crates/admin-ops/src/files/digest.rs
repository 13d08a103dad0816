//! SHA-256 of data that is written or read. Only this module uses the hashing crate for runs and plans.

use std::io::{self, Read, Write};

use sha2::Digest as _;

/// Hashes bytes that come in parts.
#[derive(Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest in lower-case hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in self.0.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Passes bytes on and hashes them.
pub struct Hashed<W> {
    below: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    /// Starts to hash what is written to `below`.
    pub fn new(below: W) -> Self {
        Self {
            below,
            hash: Sha256::default(),
        }
    }

    /// Returns the writer and the digest of what was written.
    pub fn finish(self) -> (W, String) {
        (self.below, self.hash.hex())
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.below.write(bytes)?;
        self.hash.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.below.flush()
    }
}

/// Returns the digest of the rest of `reader`.
///
/// # Errors
/// When it cannot be read.
pub fn of(mut reader: impl Read) -> io::Result<String> {
    let mut hash = Sha256::default();
    let mut block = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut block)? {
            0 => return Ok(hash.hex()),
            count => hash.add(&block[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples "abc" and "" of FIPS 180-2.
    #[test]
    fn agrees_with_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(&b"abc"[..]).unwrap(), abc);
        let mut parts = Hashed::new(Vec::new());
        parts.write_all(b"a").unwrap();
        parts.write_all(b"bc").unwrap();
        assert_eq!(parts.finish(), (b"abc".to_vec(), abc.to_owned()));
        assert_eq!(
            of(io::empty()).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}

//! Rows in the binary format of COPY: nothing has to be parsed on the way in, which is half of what COPY costs.
//!
//! Format: the PostgreSQL documentation, COPY, "Binary Format". Rows leave in chunks, so that memory stays flat however
//! many there are and PostgreSQL works while the next are made.

use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::{IsNull, ToSql, Type};

/// Bytes sent to PostgreSQL at once.
const CHUNK: usize = 1 << 20;
/// Signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// No further row.
pub(super) const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// What is filled.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The statement, `WITH (FORMAT binary)`.
    pub(super) copy: &'static str,
    /// The types of its columns.
    pub(super) types: &'static [Type],
    /// A column that is not the same every time, and not counted in the checksum.
    pub(super) varies: Option<usize>,
}

/// Some rows of a table.
pub(super) struct Chunk {
    pub(super) table: &'static Table,
    pub(super) rows: usize,
    pub(super) bytes: Bytes,
}

/// Nobody takes the rows any more.
#[derive(Debug)]
pub(super) struct Closed;

/// Writes rows and sends them in chunks; `send` says whether somebody took them.
pub(super) struct Writer<F> {
    send: F,
    table: &'static Table,
    rows: usize,
    bytes: BytesMut,
    checksum: Sha256,
    /// So many of the bytes are in the checksum, or do not belong there.
    summed: usize,
}

impl<F: FnMut(Chunk) -> bool> Writer<F> {
    /// Beginning with the rows of this table.
    pub(super) fn new(table: &'static Table, send: F) -> Self {
        let bytes = BytesMut::with_capacity(CHUNK);
        Self { send, table, rows: 0, bytes, checksum: Sha256::new(), summed: 0 }
    }

    /// Goes on with another table.
    pub(super) fn table(&mut self, table: &'static Table) -> Result<(), Closed> {
        self.flush()?;
        self.table = table;
        Ok(())
    }

    /// One row: a value for each column.
    pub(super) fn row(&mut self, values: &[&(dyn ToSql + Sync)]) -> Result<(), Closed> {
        assert_eq!(values.len(), self.table.types.len(), "a row of {} has other columns", self.table.name);
        self.bytes.put_i16(values.len() as i16);
        for (column, (value, kind)) in values.iter().zip(self.table.types).enumerate() {
            if self.table.varies == Some(column) {
                self.sum();
            }
            let length_at = self.bytes.len();
            self.bytes.put_i32(-1);
            let null =
                value.to_sql_checked(kind, &mut self.bytes).expect("the types are those of the columns");
            if matches!(null, IsNull::No) {
                let length = (self.bytes.len() - length_at - 4) as i32;
                self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            }
            if self.table.varies == Some(column) {
                self.summed = self.bytes.len();
            }
        }
        self.rows += 1;
        if self.bytes.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Sends the rest; the SHA-256 of all rows, in hexadecimal.
    pub(super) fn finish(mut self) -> Result<String, Closed> {
        self.flush()?;
        Ok(data_encoding::HEXLOWER.encode(&self.checksum.finalize()))
    }

    fn sum(&mut self) {
        self.checksum.update(&self.bytes[self.summed..]);
        self.summed = self.bytes.len();
    }

    fn flush(&mut self) -> Result<(), Closed> {
        self.sum();
        self.summed = 0;
        let bytes = std::mem::replace(&mut self.bytes, BytesMut::with_capacity(CHUNK)).freeze();
        let chunk = Chunk { table: self.table, rows: std::mem::take(&mut self.rows), bytes };
        if chunk.rows == 0 || (self.send)(chunk) { Ok(()) } else { Err(Closed) }
    }
}

/// A text search vector: words in the order of their bytes, with their places and weights.
#[derive(Debug)]
pub(super) struct Vector<'a>(Vec<(&'a str, u16)>);

/// Weights of a place in a text search vector.
pub(super) const WEIGHTS: [u16; 4] = [3 << 14, 2 << 14, 1 << 14, 0]; // A, B, C, D

impl<'a> Vector<'a> {
    /// Of words with their places; a place says its weight in its upper two bits.
    pub(super) fn new(mut words: Vec<(&'a str, u16)>) -> Self {
        words.sort_unstable_by_key(|&(word, place)| (word, place & 0x3fff));
        Self(words)
    }
}

impl ToSql for Vector<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let words = self.0.chunk_by(|one, next| one.0 == next.0);
        out.put_i32(words.clone().count() as i32);
        for places in words {
            out.put_slice(places[0].0.as_bytes());
            out.put_u8(0);
            out.put_u16(places.len() as u16);
            for (_, place) in places {
                out.put_u16(*place);
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TS_VECTOR
    }

    tokio_postgres::types::to_sql_checked!();
}

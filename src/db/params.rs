//! Arguments of statements: keys that can be batched, and arbitrary arguments that cannot.

use jiff::civil::Date;
use postgres_types::ToSql;
use smallvec::SmallVec;
use uuid::Uuid;

/// One argument of a read.
pub type Arg = Box<dyn ToSql + Send + Sync>;

/// One part of a lookup's key. Hashable, so that equal lookups in one batch are answered once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Param {
    /// `bigint`
    Int(i64),
    /// `uuid`
    Uuid(Uuid),
    /// `text`
    Text(String),
    /// `date`
    Date(Date),
    /// `bytea`
    Bytes(Vec<u8>),
}

/// The key of a lookup.
pub type Params = SmallVec<[Param; 2]>;

macro_rules! into_param {
    ($($from:ty => |$value:ident| $into:expr;)*) => {$(
        impl From<$from> for Param {
            fn from($value: $from) -> Self { $into }
        }
    )*};
}
into_param! {
    i64 => |value| Param::Int(value);
    Uuid => |value| Param::Uuid(value);
    String => |value| Param::Text(value);
    &str => |value| Param::Text(value.to_owned());
    Date => |value| Param::Date(value);
    Vec<u8> => |value| Param::Bytes(value);
    crate::ids::UserId => |value| Param::Uuid(value.0);
    crate::ids::SessionId => |value| Param::Uuid(value.0);
    crate::ids::ApiKeyId => |value| Param::Uuid(value.0);
    crate::ids::CityId => |value| Param::Uuid(value.0);
    crate::ids::EventId => |value| Param::Uuid(value.0);
    crate::ids::ImageId => |value| Param::Uuid(value.0);
    crate::ids::BookingId => |value| Param::Uuid(value.0);
    crate::ids::PaymentId => |value| Param::Uuid(value.0);
    crate::ids::ReviewId => |value| Param::Uuid(value.0);
    crate::ids::NotaryId => |value| Param::Uuid(value.0);
}

/// One key position of a whole batch, as an array argument.
#[derive(Debug)]
pub enum Transposed {
    /// `bigint[]`
    Int(Vec<i64>),
    /// `uuid[]`
    Uuid(Vec<Uuid>),
    /// `text[]`
    Text(Vec<String>),
    /// `date[]`
    Date(Vec<Date>),
    /// `bytea[]`
    Bytes(Vec<Vec<u8>>),
}

impl Transposed {
    /// Turns the keys of a batch into one array per position.
    ///
    /// # Panics
    /// When two callers give one statement keys of different types: a bug found by the first test that does.
    pub fn of(keys: Vec<Params>) -> Vec<Self> {
        let mut columns: Vec<Self> = Vec::new();
        for key in keys {
            for (position, param) in key.into_iter().enumerate() {
                match (columns.get_mut(position), param) {
                    (None, param) => columns.push(Self::starting_with(param)),
                    (Some(Self::Int(column)), Param::Int(value)) => column.push(value),
                    (Some(Self::Uuid(column)), Param::Uuid(value)) => column.push(value),
                    (Some(Self::Text(column)), Param::Text(value)) => column.push(value),
                    (Some(Self::Date(column)), Param::Date(value)) => column.push(value),
                    (Some(Self::Bytes(column)), Param::Bytes(value)) => column.push(value),
                    (Some(column), param) => panic!("a key of {param:?} among {column:?}"),
                }
            }
        }
        columns
    }

    fn starting_with(param: Param) -> Self {
        match param {
            Param::Int(value) => Self::Int(vec![value]),
            Param::Uuid(value) => Self::Uuid(vec![value]),
            Param::Text(value) => Self::Text(vec![value]),
            Param::Date(value) => Self::Date(vec![value]),
            Param::Bytes(value) => Self::Bytes(vec![value]),
        }
    }

    /// The array as an argument.
    pub fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Int(column) => column,
            Self::Uuid(column) => column,
            Self::Text(column) => column,
            Self::Date(column) => column,
            Self::Bytes(column) => column,
        }
    }
}

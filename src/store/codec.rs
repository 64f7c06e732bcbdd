//! How values of the model are kept in columns.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::model::account::{AccountKind, LinkState};
use crate::model::group::GroupLinkState;
use crate::model::identity::{Presence, PrincipalKind};
use crate::model::ids::{ContentHash, SourceAnchor, Timestamp};
use crate::model::row::AttributeRow;

impl ToSql for SourceAnchor {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl FromSql for SourceAnchor {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(Uuid::from_bytes(bytes)))
    }
}

impl ToSql for ContentHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.to_be_bytes().to_vec()))
    }
}

impl FromSql for ContentHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl ToSql for AttributeRow {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for AttributeRow {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Self::from_bytes(bytes).ok_or_else(|| unknown("a row of attributes"))
    }
}

/// A value kept as JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|cause| rusqlite::Error::ToSqlConversionFailure(cause.into()))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(|cause| FromSqlError::Other(cause.into()))
    }
}

/// A plain enum kept as the bare word of its JSON form.
pub(super) struct Word<T>(pub(super) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => Ok(ToSqlOutput::from(word)),
            Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(
                format!("expected a word, got {other}").into(),
            )),
            Err(cause) => Err(rusqlite::Error::ToSqlConversionFailure(cause.into())),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = serde_json::Value::String(value.as_str()?.to_owned());
        serde_json::from_value(word).map(Self).map_err(|cause| FromSqlError::Other(cause.into()))
    }
}

/// An enum kept as a small number, where there may be a million rows.
pub(super) trait Code: Copy {
    /// Returns the number.
    fn code(self) -> i64;
    /// Returns the value of a number.
    fn from_code(code: i64) -> Option<Self>;
}

/// A value kept as its [`Code`].
pub(super) struct Coded<T>(pub(super) T);

impl<T: Code> ToSql for Coded<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.code()))
    }
}

impl<T: Code> FromSql for Coded<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        T::from_code(value.as_i64()?).map(Self).ok_or_else(|| unknown("a known code"))
    }
}

macro_rules! codes {
    ($name:ty { $($variant:ident = $code:literal),+ }) => {
        impl Code for $name {
            fn code(self) -> i64 {
                match self { $(Self::$variant => $code),+ }
            }
            fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

// These numbers are in files, and in the partial indexes of the first migration: never change one.
codes!(Presence { Present = 0, Unread = 1, SoftDeleted = 2, HardDeleted = 3 });
codes!(PrincipalKind { User = 0, Group = 1 });
codes!(LinkState { Active = 0, Disabled = 1, Released = 2, Downgraded = 3 });
codes!(AccountKind { Employee = 0, Client = 1 });
codes!(GroupLinkState { Active = 0, Released = 1 });

fn unknown(expected: &'static str) -> FromSqlError {
    FromSqlError::Other(format!("expected {expected}").into())
}

//! How answers are printed: as the module beside prints them.

use crate::fastly::compute::{
    acl::AclError,
    backend::BackendHealth,
    cache::LookupState,
    http_downstream::BotCategory,
    http_req::{ClientCertVerifyResult, ErrorWithDetail},
    http_types::HttpVersion,
    kv_store::KvError,
    types::{Error, IpAddress, OpenError},
    *,
};

/// What is printed of a value.
pub trait Said {
    fn said(&self) -> String;
}

/// Prints what a function answers, and passes it on.
pub fn say<T: Said>(name: &str, value: T) -> T {
    println!("{name}: {}", value.said());
    value
}

/// Prints what a function answers, and passes on what is no error.
pub fn take<T, E>(name: &str, value: Result<T, E>) -> T
where
    Result<T, E>: Said,
{
    match say(name, value) {
        Ok(value) => value,
        Err(_) => panic!("{name} was refused"),
    }
}

fn lines(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "|")
}

impl Said for () {
    fn said(&self) -> String {
        "done".to_owned()
    }
}
impl Said for String {
    fn said(&self) -> String {
        lines(self.as_bytes())
    }
}
impl Said for Vec<u8> {
    fn said(&self) -> String {
        lines(self)
    }
}
impl<T: Said> Said for Option<T> {
    fn said(&self) -> String {
        self.as_ref().map_or("none".to_owned(), T::said)
    }
}
impl<T: Said, E: Said> Said for Result<T, E> {
    fn said(&self) -> String {
        match self {
            Ok(value) => value.said(),
            Err(error) => error.said(),
        }
    }
}
impl<A: Said, B: Said> Said for (A, B) {
    fn said(&self) -> String {
        format!("{} {}", self.0.said(), self.1.said())
    }
}
impl Said for IpAddress {
    fn said(&self) -> String {
        match *self {
            IpAddress::Ipv4((a, b, c, d)) => format!("{a}.{b}.{c}.{d}"),
            IpAddress::Ipv6(parts) => format!("{parts:?}"),
        }
    }
}
impl Said for LookupState {
    fn said(&self) -> String {
        self.bits().to_string()
    }
}
impl Said for BotCategory {
    fn said(&self) -> String {
        match self {
            BotCategory::Extra(other) => {
                say("http-downstream.[method]extra-bot-category.as-raw", other.as_raw()).to_string()
            }
            BotCategory::Suspected => "1".to_owned(),
            named => format!("{named:?}"),
        }
    }
}

impl Said for Error {
    fn said(&self) -> String {
        let name = match self {
            Error::GenericError => "generic-error",
            Error::InvalidArgument => "invalid-argument",
            Error::AuxiliaryError => "auxiliary-error",
            Error::BufferLen(_) => "buffer-len",
            Error::Unsupported => "unsupported",
            Error::HttpInvalid => "http-invalid",
            Error::HttpUser => "http-user",
            Error::HttpIncomplete => "http-incomplete",
            // The module's spelling has one status for what is not there and for what cannot be read.
            Error::CannotRead => "none",
            Error::HttpHeadTooLarge => "http-head-too-large",
            Error::HttpInvalidStatus => "http-invalid-status",
            Error::LimitExceeded => "limit-exceeded",
        };
        name.to_owned()
    }
}
impl Said for ErrorWithDetail {
    fn said(&self) -> String {
        self.error.said()
    }
}
impl Said for http_body::TrailerError {
    fn said(&self) -> String {
        match self {
            http_body::TrailerError::NotAvailableYet => "again".to_owned(),
            http_body::TrailerError::Error(error) => error.said(),
        }
    }
}

macro_rules! by_number {
    ($($type:ty),*) => { $(impl Said for $type {
        fn said(&self) -> String {
            (*self as u64).to_string()
        }
    })* };
}
by_number!(bool, u16, u32, u64);
by_number!(HttpVersion, ClientCertVerifyResult, BackendHealth, http_cache::StorageAction);

macro_rules! by_name {
    ($($type:ty),*) => { $(impl Said for $type {
        fn said(&self) -> String {
            format!("{self:?}")
        }
    })* };
}
by_name!(OpenError, KvError, AclError);

macro_rules! handles {
    ($($type:ty),*) => { $(impl Said for $type {
        fn said(&self) -> String {
            "a handle".to_owned()
        }
    })* };
}
handles!(
    acl::Acl,
    async_io::Pollable,
    backend::Backend,
    backend::DynamicBackendOptions,
    backend::HealthcheckOptions,
    cache::Entry,
    cache::ExtraLookupOptions,
    cache::ExtraReplaceOptions,
    cache::ExtraWriteOptions,
    cache::ReplaceEntry,
    compute_runtime::Products,
    config_store::Store,
    dictionary::Dictionary,
    erl::PenaltyBox,
    erl::RateCounter,
    http_cache::Entry,
    http_cache::SuggestedWriteOptions,
    http_req::ExtraCacheOverrideDetails,
    http_req::Request,
    http_resp::Response,
    kv_store::Entry,
    kv_store::Store,
    log::Endpoint,
    secret_store::Secret,
    secret_store::Store,
    shielding::ShieldBackendOptions
);

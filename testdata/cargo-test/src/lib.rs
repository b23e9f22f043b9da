//! A program's parts, with unit tests that call the platform as the program does.

use fastly::kv_store::{KVStore, KVStoreError};
use fastly::{ConfigStore, Error, Request};

/// How the settings would have somebody greeted.
pub fn greeting(name: &str) -> String {
    let settings = ConfigStore::open("settings");
    let greeting = settings
        .get("greeting")
        .unwrap_or_else(|| "Hello".to_owned());
    format!("{greeting}, {name}")
}

/// What the origin has at a path.
pub fn page(path: &str) -> Result<String, Error> {
    let request = Request::get(format!("http://origin.example{path}"));
    Ok(request.send("origin")?.into_body_str())
}

/// Counts a visit, and tells how many there were.
pub fn visit(name: &str) -> Result<u32, KVStoreError> {
    let store = KVStore::open("visits")?.expect("the store is in fastly.toml");
    let before = match store.lookup(name) {
        Ok(mut found) => found.take_body().into_string().parse().unwrap_or(0),
        Err(KVStoreError::ItemNotFound) => 0,
        Err(error) => return Err(error),
    };
    store.insert(name, (before + 1).to_string())?;
    Ok(before + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_is_from_the_config_store() {
        assert_eq!(greeting("Alice"), "Good morning, Alice");
    }

    #[test]
    fn a_page_is_from_the_backend() {
        assert_eq!(
            page("/some/page").unwrap(),
            "The origin got GET /some/page\n"
        );
    }

    #[test]
    fn visits_are_counted_in_the_kv_store() {
        assert_eq!(visit("alice").unwrap(), 42);
        assert_eq!(visit("alice").unwrap(), 43);
        assert_eq!(visit("nobody so far").unwrap(), 1);
    }

    #[test]
    fn the_request_of_a_test_is_for_example_com() {
        let request = Request::from_client();
        assert_eq!(request.get_url_str(), "http://example.com/");
        assert_eq!(
            request.get_client_ip_addr().unwrap().to_string(),
            "127.0.0.1"
        );
    }

    /// Not run unless it is asked for: shows what a failure looks like.
    #[test]
    #[ignore]
    fn a_test_that_fails() {
        assert_eq!(greeting("Alice"), "Good night, Alice");
    }
}

//! People, their sessions, and what protects both.
//!
//! What OWASP ASVS 5.0 asks of log-ins and sessions, and the test that attacks it:
//!
//! | asked | shown by |
//! |---|---|
//! | 6.3.1 guessing is stopped | `lockout`; `second_step::guessing_codes_locks_and_the_right_password_in_between_forgets_nothing` |
//! | 6.3.3 a second factor | `second_step::a_log_in_takes_the_password_and_then_a_code` |
//! | 14.2.7, GDPR 15, 17, 20 data are taken along, and forgotten | `export`, `erasure` |
//! | 6.3.7 changes of factors are told | `second_factor::it_is_taken_away_with_password_and_code_and_its_owner_is_told` |
//! | 6.3.8 accounts cannot be found out | `lockout::known_and_unknown_accounts_cost_the_same_hashes_and_statements`, `forgotten::known_and_unknown_addresses_are_answered_alike_at_the_same_cost` (registering tells: see `accounts`) |
//! | 6.4.3 a reset does not pass the second factor | `forgotten::a_reset_leaves_the_second_factor_and_kills_challenges` |
//! | 6.5.1 codes are good once | `second_step::{a_code_and_all_before_it_are_good_once, of_a_hundred_tries_of_one_recovery_code_or_one_code_at_once_one_wins}` |
//! | 6.5.2 recovery codes of 120 random bits, hashed | `second_factor::neither_secret_nor_recovery_codes_stand_in_the_database_and_a_secret_cannot_be_moved` |
//! | 6.4.x secrets of programs are random, hashed, and end | `api_keys::a_key_is_shown_once_and_its_hash_is_all_that_is_kept` |
//! | 8.2.1, 8.2.2 a key does what its scopes and its owner may, and no more | `key_routes`, `api_keys::a_key_does_no_more_than_its_owner_may_at_that_moment` |
//! | 8.3.2 taken rights end at once | `api_keys::{a_revoked_expired_or_ownerless_key_is_as_good_as_none_at_once_and_told, a_reset_of_the_password_revokes_every_key_and_a_change_none}` |
//! | 6.5.5 codes and links live shortly | `second_step::a_challenge_is_good_once_for_five_minutes_and_five_tries`, `forgotten::a_token_is_good_once_for_an_hour_and_for_the_password_it_was_asked_for` |
//! | 6.6.2 proofs are bound to their request and person | `second_step::{nothing_of_one_person_helps_with_another, a_challenge_is_worthless_once_the_password_was_changed_or_the_account_disabled}` |
//! | 7.2.4 tokens are renewed, used ones betray | `sessions::a_used_refresh_token_revokes_the_whole_session_but_no_other` |
//! | 7.4.1 ended sessions are refused at once | `sessions::a_hot_token_costs_no_query_and_a_revoked_one_is_refused_at_once` |
//! | 7.4.3, 7.5.2 sessions are seen and ended | `open_sessions` |
//! | 7.5.1 factors change only with the password | `second_factor::a_secret_asks_nobody_for_anything_until_its_first_code` |

mod api_keys;
mod consents;
mod directory;
mod erasure;
mod export;
mod forgotten;
mod key_routes;
mod killed;
mod life;
mod lockout;
mod open_sessions;
mod over_http;
mod second_factor;
mod second_step;
mod sessions;

//! Every error code that STS is known to answer with, and what each says. Pure.
//!
//! Sources:
//!
//! 1. STS API Reference, "Common Error Types", in its present form.
//! 2. The same page in its older form, whose names the query protocol still answers with.
//! 3. The service itself: codes and messages that it sends and no page lists.
//! 4. AWS SDKs and Tools Reference Guide, "Retry behavior", the list of throttling errors.
//! 5. STS API Reference, errors of its single actions; IAM User Guide, "Manage AWS STS in an AWS Region".

use super::Rejection;

/// What one of STS's error codes says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// STS has read the request and refuses it.
    Refused(Rejection),
    /// STS wants to be asked less often.
    Throttled,
    /// Nothing about the caller: STS is ill, or what reached it is not what we wrote.
    Nothing,
}

/// What `code` says, together with its message: STS has one code for a wrong signature and for a wrong time.
///
/// A code that is not in the table says nothing.
pub(super) fn meaning(code: &str, message: &str) -> Meaning {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    match known.map_or(Meaning::Nothing, |(_, meaning, _)| *meaning) {
        // Source 3: "Signature expired: 20260102T030405Z is now earlier than ...".
        Meaning::Refused(Rejection::SignatureDoesNotMatch) if message.starts_with("Signature expired") => {
            Meaning::Refused(Rejection::RequestExpired)
        }
        Meaning::Refused(Rejection::SignatureDoesNotMatch) if message.starts_with("Signature not yet current") => {
            Meaning::Refused(Rejection::RequestNotYetValid)
        }
        meaning => meaning,
    }
}

use Meaning::{Nothing, Refused, Throttled};
use Rejection::{
    AccessDenied, ExpiredCredentials, Malformed, RequestExpired, SignatureDoesNotMatch, UnknownCredentials,
};

/// Code, meaning, and the number of the source; in alphabetical order.
///
/// What misses a part that is in every request of ours (an action, a signature, a parameter) is no refusal: somebody on the way
/// has changed the request.
const CODES: [(&str, Meaning, u8); 48] = [
    ("AccessDenied", Refused(AccessDenied), 3),
    ("AccessDeniedException", Refused(AccessDenied), 1),
    ("BandwidthLimitExceeded", Throttled, 4),
    ("ExpiredToken", Refused(ExpiredCredentials), 3),
    ("ExpiredTokenException", Refused(ExpiredCredentials), 1),
    ("IDPCommunicationError", Nothing, 5),
    ("IncompleteSignature", Nothing, 1),
    ("InternalFailure", Nothing, 1),
    ("InvalidAccessKeyId", Refused(UnknownCredentials), 3),
    ("InvalidAction", Nothing, 2),
    ("InvalidClientTokenId", Refused(UnknownCredentials), 2),
    ("InvalidParameterCombination", Nothing, 2),
    ("InvalidParameterValue", Refused(Malformed), 2),
    ("InvalidQueryParameter", Refused(Malformed), 2),
    ("InvalidSignatureException", Refused(SignatureDoesNotMatch), 3),
    ("LimitExceededException", Throttled, 4),
    ("MalformedHttpRequestException", Nothing, 1),
    ("MalformedQueryString", Refused(Malformed), 2),
    ("MissingAction", Nothing, 2),
    ("MissingAuthenticationToken", Nothing, 2),
    ("MissingParameter", Nothing, 2),
    ("NotAuthorized", Refused(AccessDenied), 1),
    ("OptInRequired", Refused(AccessDenied), 1),
    ("PriorRequestNotComplete", Throttled, 4),
    ("ProvisionedThroughputExceededException", Throttled, 4),
    ("RegionDisabledException", Refused(AccessDenied), 5),
    ("RequestAbortedException", Nothing, 1),
    ("RequestEntityTooLargeException", Nothing, 1),
    ("RequestExpired", Refused(RequestExpired), 1),
    ("RequestLimitExceeded", Throttled, 4),
    ("RequestThrottled", Throttled, 4),
    ("RequestThrottledException", Throttled, 4),
    ("RequestTimeoutException", Nothing, 1),
    ("ServiceUnavailable", Nothing, 1),
    ("SignatureDoesNotMatch", Refused(SignatureDoesNotMatch), 3),
    ("SlowDown", Throttled, 4),
    ("ThrottledException", Throttled, 4),
    ("Throttling", Throttled, 4),
    ("ThrottlingException", Throttled, 1),
    ("TooManyRequestsException", Throttled, 4),
    ("TransactionInProgressException", Throttled, 4),
    ("UnknownOperationException", Nothing, 1),
    ("UnrecognizedClientException", Refused(UnknownCredentials), 1),
    ("ValidationError", Refused(Malformed), 1),
    ("ValidationException", Refused(Malformed), 3),
    // Of a proxy or a load balancer in front of STS rather than of STS itself.
    ("BadGateway", Nothing, 3),
    ("GatewayTimeout", Nothing, 3),
    ("InternalError", Nothing, 3),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_with_its_source() {
        for (place, (code, _, source)) in CODES.iter().enumerate() {
            assert!((1..=5).contains(source), "{code}");
            assert_eq!(CODES.iter().position(|(other, ..)| other == code), Some(place), "{code}");
        }
    }

    #[test]
    fn a_code_is_compared_to_the_letter_and_an_unknown_one_says_nothing() {
        assert_eq!(meaning("SignatureDoesNotMatch", ""), Refused(SignatureDoesNotMatch));
        for code in ["", "signaturedoesnotmatch", "SignatureDoesNotMatch ", "SomethingNew"] {
            assert_eq!(meaning(code, ""), Nothing, "{code:?}");
        }
    }

    #[test]
    fn a_wrong_time_is_told_from_a_wrong_signature_by_the_message() {
        let code = "SignatureDoesNotMatch";
        for (message, rejection) in [
            ("Signature expired: 20260102T030405Z is now earlier than 20260102T031000Z (…)", RequestExpired),
            ("Signature not yet current: 20260102T030405Z is still later than …", Rejection::RequestNotYetValid),
            ("The request signature we calculated does not match …", SignatureDoesNotMatch),
            ("The text Signature expired within another", SignatureDoesNotMatch),
        ] {
            assert_eq!(meaning(code, message), Refused(rejection), "{message}");
        }
        assert_eq!(meaning("AccessDenied", "Signature expired"), Refused(AccessDenied));
    }
}

//! The parts of an ARN that every principal shares: its partition and its account.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// An AWS account id: exactly twelve ASCII digits, leading zeros kept.
///
/// It is text, never a number: about one account in ten begins with a zero, and a zero that is lost names another
/// account.
///
/// ```
/// use mapping::AccountId;
///
/// let account: AccountId = "012345678901".parse()?;
/// assert_eq!(account.as_ref(), "012345678901");
/// assert!("12345678901".parse::<AccountId>().is_err());
/// # Ok::<(), mapping::AccountIdError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId(Box<str>);

/// An AWS partition: a set of regions with its own accounts, endpoints and ARNs.
///
/// The list is the one of the AWS SDKs' partition data.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-cn`: China.
    AwsCn,
    /// `aws-eusc`: the European Sovereign Cloud.
    AwsEusc,
    /// `aws-iso`: ISO (US).
    AwsIso,
    /// `aws-iso-b`: ISOB (US).
    AwsIsoB,
    /// `aws-iso-e`: ISOE (Europe).
    AwsIsoE,
    /// `aws-iso-f`: ISOF.
    AwsIsoF,
    /// `aws-us-gov`: GovCloud (US).
    AwsUsGov,
}

/// Why a text is not an account id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AccountIdError {
    /// Eleven digits or fewer: what a reader that took the id for a number leaves of one that began with zeros.
    #[error("the account id has {digits} digits, not 12: leading zeros were lost")]
    LostZeros {
        /// How many digits are left.
        digits: usize,
    },
    /// Anything else.
    #[error("the account id is not exactly 12 digits")]
    NotTwelveDigits,
}

/// The text names none of the known partitions.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the partition is none of aws, aws-cn, aws-eusc, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-us-gov")]
pub struct PartitionError;

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AccountIdError::NotTwelveDigits);
        }
        match text.len() {
            ACCOUNT_ID_DIGITS => Ok(Self(text.into())),
            digits if digits < ACCOUNT_ID_DIGITS => Err(AccountIdError::LostZeros { digits }),
            _ => Err(AccountIdError::NotTwelveDigits),
        }
    }
}

impl Partition {
    /// Every partition.
    pub const ALL: [Self; 8] = [
        Self::Aws,
        Self::AwsCn,
        Self::AwsEusc,
        Self::AwsIso,
        Self::AwsIsoB,
        Self::AwsIsoE,
        Self::AwsIsoF,
        Self::AwsUsGov,
    ];

    /// The name as it stands in an ARN.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsEusc => "aws-eusc",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
            Self::AwsUsGov => "aws-us-gov",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In any case, as everything in a mapping is.
impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|partition| partition.as_str().eq_ignore_ascii_case(text)).ok_or(PartitionError)
    }
}

/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html>
const ACCOUNT_ID_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_ascii_digits() {
        assert_eq!("000000000001".parse::<AccountId>().unwrap().to_string(), "000000000001");
        for (text, error) in [
            ("", AccountIdError::NotTwelveDigits),
            ("1", AccountIdError::LostZeros { digits: 1 }),
            ("12345678901", AccountIdError::LostZeros { digits: 11 }),
            ("1234567890123", AccountIdError::NotTwelveDigits),
            ("12345678901a", AccountIdError::NotTwelveDigits),
            (" 12345678901", AccountIdError::NotTwelveDigits),
            ("1.2345678e+10", AccountIdError::NotTwelveDigits),
            ("١٢٣٤٥٦٧٨٩٠١٢", AccountIdError::NotTwelveDigits),
        ] {
            assert_eq!(text.parse::<AccountId>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_partition_reads_back_what_it_prints_in_any_case() {
        for partition in Partition::ALL {
            assert_eq!(partition.to_string().parse(), Ok(partition));
            assert_eq!(partition.as_str().to_uppercase().parse(), Ok(partition));
        }
        assert_eq!("aws-mars".parse::<Partition>(), Err(PartitionError));
        assert_eq!("".parse::<Partition>(), Err(PartitionError));
    }
}

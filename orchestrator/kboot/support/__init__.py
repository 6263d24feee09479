"""`kboot support-bundle`: one archive for a person who helps, without a secret in it."""

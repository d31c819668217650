"""The embedded account of the tests that change one."""

ACCOUNT_ID = "123456789012"
SHOP, BLOG, PORTAL = "52.83.10.11", "52.83.10.12", "52.83.10.13"

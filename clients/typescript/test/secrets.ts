/** Matches every kind of secret: keys, application and webhook secrets, tokens. */
export const secrets =
  /\b(ow_live_|ow_test_|secret_|rt_)[0-9a-z]{12}|whsec_[0-9A-Za-z+/]{12}|eyJ[0-9A-Za-z_-]{10}/;

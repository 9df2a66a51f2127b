// What OpenSSL has as macros, as functions that Swift can call.
#ifndef SLUICE_OPENSSL_SHIM_H
#define SLUICE_OPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/proverr.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int shim_set_min_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int shim_set_groups(SSL_CTX *context, const char *list) {
  return (int)SSL_CTX_set1_groups_list(context, list);
}

// Keeps no buffer for a session between records; knows no resumption but by tickets; never renegotiates; takes no key
// weaker than 112 bits (2048 of RSA), whatever the system's default is.
static inline void shim_set_habits(SSL_CTX *context) {
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

static inline int shim_set_ticket_keys(SSL_CTX *context, void *keys, int length) {
  return (int)SSL_CTX_set_tlsext_ticket_keys(context, keys, length);
}

static inline void shim_set_server_name_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline int shim_set_host_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, (char *)name);
}

static inline void shim_set_message_callback(
    SSL *session, void (*callback)(int, int, int, const void *, size_t, SSL *, void *), void *argument) {
  SSL_set_msg_callback(session, callback);
  SSL_set_msg_callback_arg(session, argument);
}

static inline void shim_set_max_certificates(SSL_CTX *context, long bytes) {
  SSL_CTX_set_max_cert_list(context, bytes);
}

static inline void shim_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void shim_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline int shim_names_count(GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *shim_name(GENERAL_NAMES *names, int index) { return sk_GENERAL_NAME_value(names, index); }
static inline void shim_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

static inline ASN1_STRING *shim_name_text(const GENERAL_NAME *name, int *type) {
  return (ASN1_STRING *)GENERAL_NAME_get0_value(name, type);
}

#endif

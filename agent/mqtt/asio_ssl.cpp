// Asio's TLS once, beside base/asio.cpp.
#include <boost/asio/ssl/impl/src.hpp>

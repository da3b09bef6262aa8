#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// Keys keep the order in which they were added.
using Json = nlohmann::ordered_json;

/// The object in lines of two spaces' indent, with a newline at the end. Numbers are the shortest text that reads
/// back; infinity and NaN, which JSON lacks, become null; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& json);

/// A value for people: floating-point numbers with six digits, texts without quotes.
std::string plain_text(const Json& value);

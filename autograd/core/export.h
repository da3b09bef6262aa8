#pragma once

// Symbols are hidden unless marked: the shared library exports its public interface only.
#define BACKLIGHT_API __attribute__((visibility("default")))

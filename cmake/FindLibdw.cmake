# elfutils' libdw and libelf, as Libdw::Libdw: they ship pkg-config files and no CMake package.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_LIBDW QUIET libdw libelf)
endif()
find_path(Libdw_INCLUDE_DIR elfutils/libdwfl.h HINTS ${PC_LIBDW_INCLUDE_DIRS})
find_library(Libdw_LIBRARY dw HINTS ${PC_LIBDW_LIBRARY_DIRS})
find_library(Libelf_LIBRARY elf HINTS ${PC_LIBDW_LIBRARY_DIRS})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libdw REQUIRED_VARS Libdw_LIBRARY Libelf_LIBRARY Libdw_INCLUDE_DIR
                                  REASON_FAILURE_MESSAGE "install elfutils' development files (Debian: libdw-dev libelf-dev)")
if(Libdw_FOUND AND NOT TARGET Libdw::Libdw)
  add_library(Libdw::Libdw INTERFACE IMPORTED)
  set_target_properties(Libdw::Libdw PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Libdw_INCLUDE_DIR}"
                                                INTERFACE_LINK_LIBRARIES "${Libdw_LIBRARY};${Libelf_LIBRARY}")
endif()
mark_as_advanced(Libdw_INCLUDE_DIR Libdw_LIBRARY Libelf_LIBRARY)

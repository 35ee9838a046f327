@echo off
rem Windows hosts are out of scope; this file shows that it travels with the package.
cd "%~dp0.."
java -Xmx512m -Dxitrum.mode=production -cp "lib\*;config" %*

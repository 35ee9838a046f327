@echo off
echo This is the stand-in of the demo application for Scalive: it attaches to nothing.
exit /b 1
